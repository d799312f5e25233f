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

/** What a compiler says of a project in its strictest setting, declarations of packages included. */
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

/** By the compiler's program: the newest has no other way. */
function checkByProgram(project: InstalledProject, config: object): string {
  writeFileSync(project.path("tsconfig.json"), JSON.stringify(config));
  const tsc = fileURLToPath(new URL("../../node_modules/typescript-newest/bin/tsc", import.meta.url));
  const { stdout, stderr } = spawnSync(process.execPath, [tsc, "-p", "."], { cwd: project.folder, encoding: "utf8" });
  return stdout + stderr;
}

const parsed = new Map<string, ts.SourceFile | undefined>();

/** In this process, which parses the libraries once. Those of TypeScript and Node are not checked for themselves. */
function checkHere(project: InstalledProject, config: object, resolution: string): string {
  const { options, fileNames } = ts.parseJsonConfigFileContent(config, ts.sys, project.folder);
  const host = ts.createCompilerHost(options);
  const program = ts.createProgram(fileNames, options, {
    ...host,
    getSourceFile: (name, ...rest) => {
      // How a file is resolved is kept in it.
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
