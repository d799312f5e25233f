import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (file: string): string => readFileSync(join(root, file), "utf8");

const pages = [".", "bench", "configs", "configs/laion", "docs"].flatMap(pagesIn);

function pagesIn(folder: string): string[] {
  const files = readdirSync(join(root, folder)).filter((file) => file.endsWith(".md"));
  return files.map((file) => `${folder}/${file}`);
}

describe.each(pages)("%s", (page) => {
  it("links to what is there", () => {
    const links = [...read(page).matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)].map(([, link]) => link!);
    expect(links.filter((link) => !existsSync(join(root, dirname(page), link)))).toEqual([]);
  });

  it("names commands that there are", () => {
    const named = [...read(page).matchAll(/npx dalle2 (\w+)/g)].map(([, name]) => name!);
    expect(named.filter((name) => !commands.includes(name))).toEqual([]);
  });

  it("names scripts that npm has", () => {
    const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
    const named = [...read(page).matchAll(/npm (?:run )?([\w:-]+)/g)].map(([, name]) => name!);
    expect(named.filter((name) => !["ci", "install", "pack", "run"].includes(name) && !(name in scripts))).toEqual([]);
  });
});

const { stdout: help } = spawnSync(process.execPath, [join(root, "dist/cli/main.js"), "--help"], { encoding: "utf8" });
const commands = [...help.matchAll(/^ {2}(\w+) .*$/gm)].map(([, name]) => name!).filter((name) => name !== "help");

it("docs/cli.md has a row for every command", () => {
  expect(commands).toContain("dream");
  const rows = [...read("docs/cli.md").matchAll(/^\| `(\w+)/gm)].map(([, name]) => name!);
  expect(commands.filter((name) => !rows.includes(name))).toEqual([]);
});

it("the script in docs/library.md is the one in examples/", () => {
  const script = (text: string): string => /class ExampleInference[^]*?\.run\(.*\);/.exec(text)![0];
  expect(script(read("docs/library.md"))).toBe(script(read("examples/example-inference.ts")));
});

it("CHANGELOG.md has a section for the version of package.json, and one for what is not released", () => {
  const { version } = JSON.parse(read("package.json")) as { version: string };
  const sections = [...read("CHANGELOG.md").matchAll(/^## \[([^\]]+)\]/gm)].map(([, name]) => name!);
  expect(sections.slice(0, 2)).toEqual(["Unreleased", version]);
});
