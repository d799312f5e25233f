import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const page = readFileSync(join(root, "ARCHITECTURE.md"), "utf8");
const folders = readdirSync(join(root, "src"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

interface Diagram {
  /** The path in each box, by the box's name. */
  readonly boxes: ReadonlyMap<string, string>;
  /** Pairs of paths. */
  readonly arrows: readonly (readonly [from: string, to: string])[];
}

/** A Mermaid diagram: boxes are `name["path<br/>text"]`, arrows `-->`, `<-->` or `-- text -->`, several in a row. */
function readDiagram(text: string): Diagram {
  const boxes = new Map([...text.matchAll(/(\w+)\["([^"<]+)[^"]*"\]/g)].map(([, name, path]) => [name!, path!]));
  const pathOf = (name: string): string => boxes.get(name) ?? `no box ${name}`;
  const arrows = text.split("\n").flatMap((line) => {
    const names = line
      .replace(/\["[^"]*"\]/g, "")
      .split(/\s*(?:<?-->|-- [^-]+ -->)\s*/)
      .map((name) => name.trim());
    return names.slice(1).map((name, i) => [pathOf(names[i]!), pathOf(name)] as const);
  });
  return { boxes, arrows };
}

const diagrams = [...page.matchAll(/```mermaid\n([^]*?)```/g)].map(([, text]) => readDiagram(text!));
const [prompt, weight, imports] = diagrams;

interface Rule {
  readonly name: string;
  readonly to: { readonly pathNot?: string };
}

/** The folders that each folder of src may import from, itself included, by .dependency-cruiser.cjs. */
const { forbidden } = createRequire(import.meta.url)(join(root, ".dependency-cruiser.cjs")) as {
  readonly forbidden: readonly Rule[];
};
const allowed = new Map(
  folders.map((folder) => {
    const rule = forbidden.find(({ name }) => name === `floor-${folder}`);
    return [folder, /\(([^)]*)\)/.exec(rule?.to.pathNot ?? "")?.[1]?.split("|") ?? []] as const;
  }),
);

/** The folder of src that a path is in. */
const folderOf = (path: string): string | undefined => /^src\/([^/]+)/.exec(path)?.[1];

it("names only files and folders that exist", () => {
  const quoted = [...page.matchAll(/`([\w.-]+(?:\/[\w.-]+)*)`/g)].map(([, path]) => path!);
  const paths = quoted.filter((path) => path.includes("/") || existsSync(join(root, path)));
  const inDiagrams = diagrams.flatMap(({ boxes }) => [...boxes.values()]);
  expect(paths).toContain("src/gpu/executors");
  expect([...paths, ...inDiagrams].filter((path) => !existsSync(join(root, path)))).toEqual([]);
});

it("has a row for each folder of src, and for each folder of the repository", () => {
  const rows = [...page.matchAll(/^\| `([^`]+)` \|/gm)].map(([, path]) => path!);
  const inSource = rows.filter((path) => path.startsWith("src/") && path !== "src/index.ts");
  expect(inSource.sort()).toEqual(folders.map((folder) => `src/${folder}`).sort());
  const others = ["kernels", "configs", "test", "scripts", "weights-tools", "bench", "examples", "docs"];
  expect(rows).toEqual(expect.arrayContaining(others));
});

describe.each([
  ["prompt", prompt!],
  ["weight", weight!],
])("the way of a %s", (_, { boxes, arrows }) => {
  it("leads through every box", () => {
    const reached = new Set(arrows.flat());
    expect([...boxes.values()].filter((path) => !reached.has(path))).toEqual([]);
    expect([...reached].filter((path) => path.startsWith("no box"))).toEqual([]);
  });

  it("goes only between folders of which one may import the other", () => {
    const wrong = arrows.filter(([from, to]) => {
      const [a, b] = [folderOf(from), folderOf(to)];
      return a && b && !allowed.get(a)!.includes(b) && !allowed.get(b)!.includes(a);
    });
    expect(arrows.length).toBeGreaterThan(5);
    expect(wrong).toEqual([]);
  });
});

describe("the diagram of imports", () => {
  function reachableFrom(folder: string, seen = new Set<string>()): Set<string> {
    for (const [from, to] of imports!.arrows) {
      if (from === folder && !seen.has(to)) reachableFrom(to, seen.add(to));
    }
    return seen;
  }

  it("has each folder of src, and nothing else", () => {
    expect([...imports!.boxes.values()].sort()).toEqual(folders.map((folder) => `src/${folder}`).sort());
  });

  it("has no arrow that the rules forbid, and leads wherever they allow", () => {
    for (const [from, to] of imports!.arrows) {
      expect(allowed.get(folderOf(from) ?? ""), `${from} --> ${to}`).toContain(folderOf(to));
    }
    for (const folder of folders) {
      const reachable = reachableFrom(`src/${folder}`);
      const missing = allowed.get(folder)!.filter((one) => one !== folder && !reachable.has(`src/${one}`));
      expect(missing, folder).toEqual([]);
    }
  });
});
