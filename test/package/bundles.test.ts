// What a page downloads: the last build, bundled as applications do it.
import { readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, type Metafile } from "esbuild";
import { beforeAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const PROGRAM = `
  import { BasicInference, DalleModelManager } from "dalle2-webgpu";
  console.log(BasicInference, DalleModelManager);
`;
/** Code in a text is refused by a strict Content-Security-Policy. */
const GENERATED_CODE = /\beval\(|\bnew Function\b|\bFunction\(/;
const DOWNLOADS = /\/files\/(?:remote-file|running-download|download|kept-file)\.js$/;

describe("a bundle of the model manager and text to image", () => {
  let outputs: Metafile["outputs"];
  let contents: ReadonlyMap<string, string>;

  beforeAll(async () => {
    const result = await build({
      absWorkingDir: root,
      stdin: { contents: PROGRAM, resolveDir: root },
      bundle: true,
      splitting: true,
      format: "esm",
      platform: "browser",
      target: "es2022",
      minify: true,
      charset: "utf8",
      outdir: "out",
      write: false,
      metafile: true,
      // Ours leads to the sources.
      tsconfigRaw: {},
    });
    outputs = result.metafile.outputs;
    contents = new Map(result.outputFiles.map(({ path, text }) => [path.slice(root.length), text]));
  });

  /** The script of the program or of a module that is loaded later, and those that it imports at once. */
  function atOnce(start = "<stdin>"): readonly string[] {
    const [entry] = Object.entries(outputs).find(([, { entryPoint }]) => entryPoint === start)!;
    const found = new Set([entry]);
    for (const path of found) {
      for (const one of outputs[path]!.imports) if (one.kind === "import-statement") found.add(one.path);
    }
    return [...found];
  }

  /** The modules that these scripts have code of. */
  function modulesIn(scripts: readonly string[]): readonly string[] {
    return scripts.flatMap((path) =>
      Object.entries(outputs[path]!.inputs).flatMap(([input, { bytesInOutput }]) => (bytesInOutput > 0 ? [input] : [])),
    );
  }

  it("is at most 150 kB, compressed with gzip", () => {
    const sizes = atOnce().map((path) => gzipSync(contents.get(path)!, { level: 9 }).length);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    expect(total).toBeLessThanOrEqual(150_000);
    // It is the library, not an empty bundle.
    expect(total).toBeGreaterThan(50_000);
  });

  it("loads what is seldom needed, or later, when it is needed", () => {
    const later = [
      /\/tokenizer\/(?:vocabulary|bpe|clean)/,
      /\/models\/karlo\/(?:load|unet|prior|config)/,
      /\/models\/dalle2-pytorch\/(?:load|unet)/,
      /\/formats\/(?:pickle|pickle-attack|torch-zip|torch-rebuild)\.js$/,
      /\/gpu\/kernel-sources-/,
      /\/pipeline\/records\//,
      DOWNLOADS,
      /\/(?:verify|cli|tuning)\//,
    ];
    const modules = modulesIn(atOnce());
    expect(modules.filter((one) => later.some((part) => part.test(one)))).toEqual([]);
  });

  it("loads no downloads for models of the user's files", () => {
    const modules = modulesIn(atOnce("dist/pipeline/manager/load-models.js"));
    expect(modules).toContain("dist/pipeline/manager/load-models.js");
    expect(modules.filter((one) => DOWNLOADS.test(one))).toEqual([]);
  });

  it("has no code for Node, and generates none", () => {
    const inputs = Object.values(outputs).flatMap((output) => Object.keys(output.inputs));
    expect(inputs.filter((input) => /\/platform\/node|\/cli\/|node_modules\/(?:sharp|webgpu)\//.test(input))).toEqual(
      [],
    );
    expect([...contents].filter(([, text]) => GENERATED_CODE.test(text)).map(([path]) => path)).toEqual([]);
  });
});

describe("dist/browser.js", () => {
  const text = readFileSync(`${root}dist/browser.js`, "utf8");

  it("is one file, with the vocabulary beside it", () => {
    expect([...text.matchAll(/\bimport\("([^"]+)"\)/g)].map(([, path]) => path)).toEqual(["./tokenizer/vocabulary.js"]);
    expect(text).not.toMatch(/\b(?:from|import)\s*"[^"]/);
  });

  it("needs nothing of Node and generates no code", () => {
    expect(builtinModules.filter((name) => text.includes(`"node:${name}"`))).toEqual([]);
    expect(text).not.toMatch(GENERATED_CODE);
  });
});
