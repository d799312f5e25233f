// Bundles the last build for pages without a bundler, each as one file that is found by one request:
//
//   dist/browser.js          the library, for `<script type="module">`. The vocabulary of the tokenizer stays beside it and is
//                            fetched when it is first needed.
//   dist/browser-worker.js   the worker, with everything in it: bundlers copy it as a file of its own.
//   dist/browser.licenses.txt  licences of the packages in both
//
// Fails if a bundle needs Node, or if it generates code, which a strict Content-Security-Policy forbids.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));

const VOCABULARY = "./tokenizer/vocabulary.js";
/** A module of the build, two folders below the package as most of them: files of the package are relative to it. */
const PLATFORM = "./platform/browser.js";
/** A variable, since bundlers would copy the file of a literal. */
const MODULE_URL = `const moduleFile="${PLATFORM}",moduleUrl=new URL(moduleFile,import.meta.url).href;`;
const NOTICE = "// dalle2-webgpu, MIT License. Licences of what is in it: browser.licenses.txt";

/** Leaves the vocabulary outside, by its path from the bundle. */
const vocabularyBeside = {
  name: "vocabulary",
  setup: ({ onResolve }) => {
    onResolve({ filter: /\/vocabulary\.js$/ }, () => ({ path: VOCABULARY, external: true }));
  },
};

/** Writes the bundle of a module. Returns the paths of what is in it. */
async function bundle(entry, file, plugins) {
  const { metafile, outputFiles } = await build({
    entryPoints: [entry],
    outfile: file,
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    charset: "utf8",
    alias: { "#platform": "./dist/platform/browser.js" },
    define: { "import.meta.url": "moduleUrl" },
    banner: { js: `${NOTICE}\n${MODULE_URL}` },
    plugins,
    write: false,
    metafile: true,
  });
  const [{ text }] = outputFiles;
  const [output] = Object.values(metafile.outputs);
  const inputs = Object.keys(output.inputs);
  const forbidden = [...forbiddenImports(output.imports), ...forbiddenInputs(inputs), ...forbiddenCode(text)];
  if (forbidden.length > 0) throw new Error(`${file} cannot be for pages: ${forbidden.join("; ")}`);
  writeFileSync(file, text);
  return inputs;
}

const forbiddenImports = (imports) =>
  imports.filter(({ path }) => path !== VOCABULARY).map(({ path }) => `it imports ${path}`);

const forbiddenInputs = (inputs) =>
  inputs.filter((path) => /(?:^|\/)node[-.\w]*\.js$|^dist\/cli\//.test(path)).map((path) => `it has ${path} in it`);

function forbiddenCode(text) {
  const modules = builtinModules.filter((name) => text.includes(`"node:${name}"`));
  const generating = [/\beval\(/, /\bnew Function\b/, /\bFunction\(/].filter((code) => code.test(text));
  return [...modules.map((name) => `it names node:${name}`), ...generating.map((code) => `${code} is in it`)];
}

/** The licences of the packages that have some of these files. */
function licenses(inputs) {
  const packages = inputs.map((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]);
  return [...new Set(packages.filter((name) => name !== undefined))].sort().map((name) => {
    const folder = join("node_modules", name);
    const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
    if (!file) throw new Error(`${folder} has no licence`);
    return `${name}\n${"=".repeat(name.length)}\n\n${readFileSync(join(folder, file), "utf8").trim()}\n`;
  });
}

const inputs = [
  ...(await bundle("dist/index.js", "dist/browser.js", [vocabularyBeside])),
  ...(await bundle("dist/worker/main.js", "dist/browser-worker.js", [])),
];
// The worker exports nothing.
writeFileSync("dist/browser-worker.d.ts", "export {};\n");
writeFileSync("dist/browser.licenses.txt", licenses(inputs).join("\n\n"));
