// Bundles the last build as one file for pages without a bundler, `dist/browser.js`, for `<script type="module">`. The
// vocabulary of the tokenizer stays beside it and is fetched when it is first needed. Fails if the bundle needs Node, or if it
// generates code, which a strict Content-Security-Policy forbids. `dist/browser.licenses.txt` has the licences of the packages
// in it.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));

const VOCABULARY = "./tokenizer/vocabulary.js";
/** A module of the build, two folders below the package as most of them: files of the package are relative to it. */
const PLATFORM = "./platform/browser.js";

/** Leaves the vocabulary outside, by its path from the bundle. */
const outside = {
  name: "vocabulary",
  setup: ({ onResolve }) => {
    onResolve({ filter: /\/vocabulary\.js$/ }, () => ({ path: VOCABULARY, external: true }));
  },
};

const { metafile, outputFiles } = await build({
  entryPoints: ["dist/index.js"],
  outfile: "dist/browser.js",
  bundle: true,
  minify: true,
  format: "esm",
  platform: "browser",
  target: "es2022",
  charset: "utf8",
  alias: { "#platform": "./dist/platform/browser.js" },
  define: { "import.meta.url": "moduleUrl" },
  banner: {
    js: `// dalle2-webgpu, MIT License. Licences of what is in it: browser.licenses.txt\nconst moduleUrl=new URL("${PLATFORM}",import.meta.url).href;`,
  },
  plugins: [outside],
  write: false,
  metafile: true,
});

const [{ text }] = outputFiles;
const [output] = Object.values(metafile.outputs);
const imports = output.imports.filter(({ path }) => path !== VOCABULARY).map(({ path }) => path);
const inputs = Object.keys(output.inputs);
const forbidden = [
  ...imports.map((path) => `it imports ${path}`),
  ...inputs.filter((path) => /(?:^|\/)node[-.\w]*\.js$|^dist\/cli\//.test(path)).map((path) => `it has ${path} in it`),
  ...builtinModules.filter((name) => text.includes(`"node:${name}"`)).map((name) => `it names node:${name}`),
  ...[/\beval\(/, /\bnew Function\b/, /\bFunction\(/]
    .filter((code) => code.test(text))
    .map((code) => `${code} is in it`),
];
if (forbidden.length > 0) throw new Error(`dist/browser.js cannot be for pages: ${forbidden.join("; ")}`);
writeFileSync("dist/browser.js", text);

const packages = new Set(
  inputs.map((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]).filter((name) => name !== undefined),
);
const licenses = [...packages].sort().map((name) => {
  const folder = join("node_modules", name);
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  if (!file) throw new Error(`${folder} has no licence`);
  const license = readFileSync(join(folder, file), "utf8").trim();
  return `${name}\n${"=".repeat(name.length)}\n\n${license}\n`;
});
writeFileSync("dist/browser.licenses.txt", licenses.join("\n\n"));
