import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import type { InstalledProject } from "../support/installed-project.js";

/** How a project is set up. */
export interface Checking {
  /** Package of the compiler. */
  readonly compiler: "typescript" | "typescript-newest";
  readonly resolution: "node16" | "nodenext" | "bundler";
  readonly lib: readonly string[];
  readonly types: readonly string[];
  readonly files: readonly string[];
}

/** Returns the errors of a compiler for a project with its strictest settings, including declarations of packages. */
export function checkTypes(project: InstalledProject, checking: Checking): string {
  const { compiler, resolution, lib, types, files } = checking;
  const compilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    noEmit: true,
    target: "es2022",
    module: resolution === "bundler" ? "esnext" : resolution,
    moduleResolution: resolution,
    lib,
    types,
  };
  const config = { compilerOptions, files };
  return compiler === "typescript" ? checkHere(project, config, resolution) : checkByProgram(project, config);
}

/** Runs the program of the compiler: the newest has no other API. */
function checkByProgram(project: InstalledProject, config: object): string {
  writeFileSync(project.path("tsconfig.json"), JSON.stringify(config));
  const tsc = fileURLToPath(new URL("../../node_modules/typescript-newest/bin/tsc", import.meta.url));
  const { stdout, stderr } = spawnSync(process.execPath, [tsc, "-p", "."], { cwd: project.folder, encoding: "utf8" });
  return stdout + stderr;
}

const parsed = new Map<string, ts.SourceFile | undefined>();

/** Compiles in this process, which parses libraries once. The libraries of TypeScript and Node are not checked. */
function checkHere(project: InstalledProject, config: object, resolution: string): string {
  const { options, fileNames } = ts.parseJsonConfigFileContent(config, ts.sys, project.folder);
  const host = ts.createCompilerHost(options);
  const program = ts.createProgram(fileNames, options, {
    ...host,
    getSourceFile: (name, ...rest) => {
      // A file caches how it was resolved.
      const key = `${resolution} ${name}`;
      if (!parsed.has(key)) parsed.set(key, host.getSourceFile(name, ...rest));
      return parsed.get(key);
    },
  });
  const files = program
    .getSourceFiles()
    .filter(({ fileName }) => !/\/(?:typescript\/lib|@types\/node)\//.test(fileName));
  const diagnostics = [
    ...program.getOptionsDiagnostics(),
    ...program.getGlobalDiagnostics(),
    ...files.flatMap((file) => [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]),
  ];
  return ts.formatDiagnostics(diagnostics, {
    getCanonicalFileName: (name) => name,
    getCurrentDirectory: () => project.folder,
    getNewLine: () => "\n",
  });
}
