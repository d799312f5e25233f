import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const page = readFileSync(join(root, "CONTRIBUTING.md"), "utf8");

/** What stands in code, inline and in blocks. */
const code = [...page.matchAll(/```sh\n([^]*?)```|`([^`\n]+)`/g)].map(([, block, inline]) => block ?? inline!);
const folders = "src|test|kernels|scripts|configs|docs|bench|examples|weights-tools|\\.ci";
const path = new RegExp(`(?<![\\w./-])(?:${folders})(?:/[\\w.-]+)*(?![\\w*])`, "g");
// `npm test` and `npm run docs` name no folder.
const paths = code
  .map((text) => text.replace(/\bnpm (?:run )?[\w-]+/g, ""))
  .flatMap((text) => [...text.matchAll(path)].map(([found]) => found));

it("names only files and folders that exist", () => {
  expect(paths).toEqual(
    expect.arrayContaining(["src/ops/NAME.ts", "kernels", "scripts/generate-errors.js", ".ci/run"]),
  );
  // Of a file that is yet to be written, the folder that it belongs to.
  const there = (named: string): boolean => existsSync(join(root, named.replace(/\/NAME.*$/, "")));
  expect(paths.filter((named) => !there(named))).toEqual([]);
});

it("tells which files to write for an operation, a sampler and a family", () => {
  expect(paths.filter((named) => named.includes("NAME")).sort()).toEqual(
    expect.arrayContaining([
      "kernels/NAME.wgsl",
      "src/diffusion/NAME.ts",
      "src/models/NAME/family.ts",
      "src/ops/NAME.ts",
      "test/diffusion/NAME.test.ts",
      "test/models/NAME",
      "test/ops/NAME.test.ts",
    ]),
  );
});

it("names only scripts that npm has", () => {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: object };
  const named = code.flatMap((text) => [...text.matchAll(/\bnpm run ([\w-]+)/g)].map(([, name]) => name!));
  expect(named).toContain("layers");
  expect(named.filter((name) => !(name in scripts))).toEqual([]);
});

it.each([
  ["src/diffusion/samplers.ts", "SOLVERS"],
  ["src/diffusion/settings.ts", "SETTINGS"],
  ["src/ops/sampler.ts", "stepCombine"],
  ["test/support/gpu.ts", "openTestArena"],
])("names what there is in %s: %s", (file, name) => {
  expect(page).toContain(`\`${name}`);
  expect(readFileSync(join(root, file), "utf8")).toMatch(
    new RegExp(`^export (?:const|function|async function) ${name}\\b`, "m"),
  );
});
