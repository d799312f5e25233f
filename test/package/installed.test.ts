import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, copyFileSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RedisServer } from "../server/queue/support/redis-server.js";
import { InstalledProject } from "../support/installed-project.js";
import { checkTypes, type Checking } from "./check-types.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (file: string): string => readFileSync(join(root, file), "utf8");

let project: InstalledProject;

beforeAll(() => {
  project = InstalledProject.create();
});

afterAll(() => {
  project.remove();
});

/** The lines in the code blocks of a page in one language. */
function fences(page: string, language: string): string[] {
  return [...read(page).matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, "gms"))].map(([, text]) => text!);
}

const commands = fences("README.md", "sh")
  .flatMap((text) => text.split("\n"))
  .map((line) => line.replace(/\s+#.*$/, ""))
  .filter((line) => line !== "");

const programs = ["README.md", "docs/library.md", "docs/worker.md", "docs/browser.md"].flatMap((page) =>
  fences(page, "ts").map((text, i) => ({ name: `${page} ${i + 1}`, text })),
);

describe("the package", () => {
  it("has a program that is executable, also after a build", () => {
    expect(() => {
      accessSync(join(root, "dist/cli/main.js"), constants.X_OK);
    }).not.toThrow();
    expect(project.files.find(({ path }) => path === "dist/cli/main.js")!.mode & 0o111).toBe(0o111);
    expect(execFileSync(join(root, "dist/cli/main.js"), ["--version"], { encoding: "utf8" })).toMatch(/^\d/);
  });

  it("has no source maps without sources, and no texts of the code in declarations", () => {
    const paths = project.files.map(({ path }) => path);
    expect(paths.filter((path) => path.endsWith(".map"))).toEqual([]);
    const declarations = paths.filter((path) => path.endsWith(".d.ts"));
    expect(declarations).toContain("dist/gpu/kernel-sources.d.ts");
    // Every kernel has this line.
    expect(declarations.filter((path) => read(path).includes("@compute @workgroup_size"))).toEqual([]);
    // The vocabulary alone has more.
    const large = project.files.filter(({ path, size }) => path.endsWith(".d.ts") && size > 128 * 1024);
    expect(large).toEqual([]);
  });

  it("has the files that its README names", () => {
    const links = [...read("README.md").matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)].map(([, link]) => link!);
    const named = commands.flatMap((line) => line.match(/(?:configs|examples)\/\S+/g) ?? []);
    const missing = [...links, ...named].filter((file) => !existsSync(packaged(file)));
    expect(missing).toEqual([]);
  });

  it("exports its load configs, and no internal modules", () => {
    const script = [
      `const configs = ["shapes.json", "laion/gradio.json", "load-config.schema.json"];`,
      `const found = configs.map((name) => import.meta.resolve("dalle2-webgpu/configs/" + name));`,
      `const inside = await import("dalle2-webgpu/dist/gpu/device.js").then(() => "open", (error) => error.code);`,
      `console.log(JSON.stringify({ found, inside }));`,
    ].join("\n");
    writeFileSync(project.path("exports.mjs"), script);
    const { output } = project.shell("node exports.mjs");
    const { found, inside } = JSON.parse(output) as { found: string[]; inside: string };
    expect(found.filter((url) => !existsSync(new URL(url)))).toEqual([]);
    expect(inside).toBe("ERR_PACKAGE_PATH_NOT_EXPORTED");
  });
});

/** Returns the path of a file of the package in the project. */
function packaged(file: string): string {
  return project.path("node_modules/dalle2-webgpu", file);
}

/** What is read of package.json. */
interface Manifest {
  readonly peerDependencies: Readonly<Record<string, string>>;
}

/** What runs until it is ended, and what it says when it is ready. */
const SERVERS = [
  { command: /dalle2 serve/, ready: /^http:\/\/\S+:\d+/m },
  { command: /dalle2 worker/, ready: /this worker takes jobs/m },
];

describe("every command of README runs", () => {
  const own = commands.filter((line) => !/^npm (?:ci|install) /.test(line));

  it("in a clone, or in a project", () => {
    const [clone, install] = ["npm ci ", "npm install "].map((begin) =>
      commands.filter((line) => line.startsWith(begin)),
    );
    expect(clone).toEqual(
      ["demo", "test", "web", "web:build"].map((name) => `npm ci && npm ${name === "test" ? name : `run ${name}`}`),
    );
    // `beforeAll` ran these.
    expect(install).toEqual([`npm install ./${project.tarball}`]);
    expect(own.length).toBeGreaterThan(5);
  });

  const servers = own.flatMap((line) =>
    SERVERS.filter(({ command }) => command.test(line)).map(({ ready }) => ({ line, ready })),
  );

  beforeAll(() => {
    // A queue needs them, and says so.
    const versions = (JSON.parse(read("package.json")) as Manifest).peerDependencies;
    const packages = ["bullmq", "ioredis"].map((name) => `${name}@${versions[name]!}`);
    const { status, output } = project.shell(`npm install --prefer-offline --no-audit --no-fund ${packages.join(" ")}`);
    expect(status, output).toBe(0);
  });

  it.each(servers)("$line, until it is ended", { timeout: 120_000 }, async ({ line, ready }) => {
    const redis = await RedisServer.start();
    // Keys of the person who runs the tests are not touched.
    const env = { ...process.env, XDG_CONFIG_HOME: project.path("config"), DALLE2_KEYS: undefined };
    const here = line.replace(/redis:\S+/, redis.url);
    const child = spawn("sh", ["-c", here], { cwd: project.folder, env, detached: true });
    let output = "";
    const isReady = new Promise<void>((resolve, reject) => {
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding("utf8").on("data", (text: string) => {
          output += text;
          if (ready.test(output)) resolve();
        });
      }
      child.once("close", () => {
        reject(new Error(`it ended: ${output}`));
      });
    });
    const isClosed = once(child, "close");
    try {
      await isReady;
    } finally {
      // The whole group: the shell, npx and the server.
      if (child.exitCode === null) process.kill(-child.pid!, "SIGTERM");
      await isClosed;
      await redis.kill();
    }
  });

  it.each(own.filter((line) => !servers.some((server) => server.line === line)))("%s", { timeout: 300_000 }, (line) => {
    // README says that the files are there.
    const here = line.replace(/(?<= )(?=(?:configs|examples)\/)/g, "node_modules/dalle2-webgpu/");
    const { status, output } = project.shell(here);
    expect(status, output).toBe(0);
  });
});

describe("programs of the documentation", () => {
  it("generate the image of their prompt", { timeout: 300_000 }, async () => {
    const [program] = programs;
    writeFileSync(project.path("program.ts"), program!.text);
    const outfile = project.path("program.js");
    // Node 20 supports neither TypeScript nor `using`.
    await build({ entryPoints: [project.path("program.ts")], outfile, format: "esm", target: "node20" });
    const { status, output } = project.shell("node program.js");
    expect(status, output).toBe(0);
    expect(statSync(project.path("red-circle.png")).size).toBeGreaterThan(500);
  });
});

describe("strict TypeScript compiles the declarations", () => {
  beforeAll(() => {
    for (const [i, { text }] of programs.entries()) writeFileSync(project.path(`program-${i}.ts`), text);
    copyFileSync(join(root, "test/package/consumer.ts"), project.path("consumer.ts"));
    project.link("@types/node");
    project.link("undici-types");
  });

  const libs: readonly Pick<Checking, "lib" | "types">[] = [
    { lib: ["es2022", "dom"], types: [] },
    { lib: ["es2022"], types: ["node"] },
    { lib: ["es2022", "dom"], types: ["node"] },
  ];
  const checks = (["typescript", "typescript-newest"] as const).flatMap((compiler) =>
    (["node16", "nodenext", "bundler"] as const).flatMap((resolution) =>
      libs.map((choice) => ({ compiler, resolution, ...choice })),
    ),
  );

  it.each(checks)("$compiler, $resolution, $lib, types $types", { timeout: 300_000 }, (checking) => {
    // The programs of the documentation write files, which needs the types of Node; those of pages also need those of browsers.
    const all = programs.flatMap(({ name }, i) =>
      /^docs\/(worker|browser)\.md/.test(name) && !checking.lib.includes("dom") ? [] : [`program-${i}.ts`],
    );
    const files = ["consumer.ts", ...(checking.types.length > 0 ? all : [])];
    expect(checkTypes(project, { ...checking, files })).toBe("");
  });

  it.each(["typescript", "typescript-newest"] as const)("and finds errors: %s", (compiler) => {
    writeFileSync(project.path("wrong.ts"), `import { openGpu } from "dalle2-webgpu";\nopenGpu({ prefer: "gpus" });\n`);
    const checking = {
      compiler,
      resolution: "bundler",
      lib: ["es2022", "dom"],
      types: [],
      files: ["wrong.ts"],
    } as const;
    expect(checkTypes(project, checking)).toMatch(/'"gpus"' is not assignable/);
  });
});
