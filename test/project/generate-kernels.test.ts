import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";

const script = fileURLToPath(new URL("../../scripts/generate-kernels.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "kernels-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

let cases = 0;

/** Runs the generator on files by their name; gives what it wrote and what it complained about. */
function generate(files: Readonly<Record<string, string>>): { text: string; complaint: string } {
  const kernels = join(folder, String(cases++));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(kernels, name)), { recursive: true });
    writeFileSync(join(kernels, name), text);
  }
  const output = join(kernels, "sources.ts");
  const { status, stderr } = spawnSync(process.execPath, [script, kernels, output], { encoding: "utf8" });
  return status === 0 ? { text: readFileSync(output, "utf8"), complaint: "" } : { text: "", complaint: stderr };
}

const binding = "@group(0) @binding(0) var<storage, read_write> y: array<f32>;";

describe("generate-kernels", () => {
  it("describes a kernel and puts its libs between header and body, each once", () => {
    const { text } = generate({
      "group-norm.wgsl": [
        "// normalises",
        "//: use lib/b.wgsl",
        "//: use lib/a.wgsl",
        "alias Element = f32;",
        "const TILE: u32 = 8u; //: const",
        "const FIXED: u32 = 2u;",
        "override FAST: bool = false; // a flag",
        "struct Params {",
        "  rows: u32, // how many",
        "  eps: f32,",
        "}",
        "@group(0) @binding(0) var<storage, read> x: array<Element>;",
        "@group(0) @binding(1) var<storage, read_write> y: array<Element>;",
        "@group(0) @binding(2) var<uniform> params: Params;",
      ].join("\n"),
      "lib/a.wgsl": "fn a() {}\n",
      "lib/b.wgsl": "//: use lib/a.wgsl\noverride GROUP: u32 = 64u;\n",
    });
    const json = /groupNorm: (\{.*\}),/.exec(text)![1]!;
    const kernel = JSON.parse(json) as { code: string };
    expect(kernel.code.split("\n").slice(0, 7)).toEqual([
      "// normalises",
      "//: use lib/b.wgsl",
      "//: use lib/a.wgsl",
      "fn a() {}",
      "//: use lib/a.wgsl",
      "override GROUP: u32 = 64u;",
      "alias Element = f32;",
    ]);
    expect(kernel).toMatchObject({
      aliases: ["Element"],
      constants: { TILE: 8 },
      overrides: { GROUP: { type: "u32", default: 64 }, FAST: { type: "bool", default: false } },
      bindings: [
        { name: "x", access: "read" },
        { name: "y", access: "read_write" },
      ],
      params: [
        ["rows", "u32"],
        ["eps", "f32"],
      ],
    });
  });

  it.each([
    ["a missing header", `${binding}\n`, /k\.wgsl:1: .*starts with a comment/],
    ["a missing lib", `// k\n//: use lib/no.wgsl\n${binding}`, /k\.wgsl:2: there is no lib\/no\.wgsl/],
    ["a gap in the binding numbers", `// k\n${binding.replace("0) var", "1) var")}`, /k\.wgsl:2: binding 1 where 0/],
    ["a vector in Params", `// k\nstruct Params {\n  a: vec2<u32>,\n}\n${binding}`, /k\.wgsl:3: Params holds only/],
    ["Params without a binding", `// k\nstruct Params { a: u32 }\n${binding}`, /k\.wgsl:1: struct Params is not bound/],
    ["a constant of the wrong kind", `// k\nconst A: u32 = -1; //: const\n${binding}`, /k\.wgsl:2: "-1" is not a u32/],
    ["an override without default", `// k\noverride A: u32;\n${binding}`, /k\.wgsl:2: expected "override/],
    [
      "nine storage buffers",
      `// k\n${Array.from({ length: 9 }, (_, i) => binding.replace("0) var", `${i}) var`)).join("\n")}`,
      /k\.wgsl:10: more than 8 storage buffers/,
    ],
  ])("refuses %s, with file and line", (_, text, complaint) => {
    expect(generate({ "k.wgsl": text }).complaint).toMatch(complaint);
  });
});
