import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runInNewContext } from "node:vm";
import ts from "typescript";
import { afterAll, describe, expect, it } from "vitest";

const script = fileURLToPath(new URL("../../scripts/generate-kernels.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "kernels-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

let cases = 0;

/** Runs the generator on files by name. Returns its output and its complaint. */
function generate(files: Readonly<Record<string, string>>): { text: string; complaint: string; output: string } {
  const kernels = join(folder, String(cases++));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(kernels, name)), { recursive: true });
    writeFileSync(join(kernels, name), text);
  }
  const output = join(kernels, "sources.ts");
  const { status, stderr } = spawnSync(process.execPath, [script, kernels, output], { encoding: "utf8" });
  return { text: status === 0 ? readFileSync(output, "utf8") : "", complaint: status === 0 ? "" : stderr, output };
}

/** The generated module, evaluated. */
function moduleOf(
  text: string,
): Readonly<
  Record<"kernels" | "libs" | "alternatives" | "enums" | "later" | "files", Readonly<Record<string, unknown>>>
> {
  const body = text
    .replace(/export const (\w+) = /g, "result.$1 = ")
    .replace(/ as (?:const|string)\b|(?<=^const \w+): string/gm, "");
  return runInNewContext(`const result = {};\n${body}\nresult;`) as ReturnType<typeof moduleOf>;
}

/** The compiler's errors for TypeScript that uses the generated module. */
function compile(generated: string, user: string): readonly string[] {
  const place = join(folder, String(cases++));
  mkdirSync(place);
  writeFileSync(join(place, "sources.ts"), generated);
  writeFileSync(join(place, "user.ts"), `import { enums, kernels, libs } from "./sources.js";\n${user}`);
  const program = ts.createProgram([join(place, "user.ts")], {
    noEmit: true,
    strict: true,
    types: [],
    lib: ["lib.es2015.d.ts"],
    skipLibCheck: true,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
  });
  return ts.getPreEmitDiagnostics(program).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"));
}

const binding = "@group(0) @binding(0) var<storage, read_write> y: array<f32>;\n@compute @workgroup_size(1)";

describe("generate-kernels", () => {
  it("describes a kernel and puts its libs between header and body, each once, without comments", () => {
    const { text, output } = generate({
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
        "@compute @workgroup_size(GROUP, TILE)",
      ].join("\n"),
      "lib/a.wgsl": "fn a() {}\n",
      "lib/b.wgsl": "//: use lib/a.wgsl\noverride GROUP: u32 = 64u;\n",
    });
    const kernel = moduleOf(text).kernels.groupNorm as { code: string };
    expect(kernel.code.split("\n").slice(0, 12)).toEqual([
      ...["", "", ""],
      "fn a() {}",
      "",
      "override GROUP: u32 = 64u;",
      "alias Element = f32;",
      "const TILE: u32 = 8u; //: const",
      "const FIXED: u32 = 2u;",
      "override FAST: bool = false;",
      "struct Params {",
      "  rows: u32,",
    ]);
    expect(kernel).not.toHaveProperty("files");
    expect(moduleOf(readFileSync(output.replace(/\.ts$/, "-files.ts"), "utf8")).files).toEqual({
      groupNorm: [
        [expect.stringMatching(/^\d+\/group-norm\.wgsl$/), 1, 3],
        [expect.stringMatching(/^\d+\/lib\/a\.wgsl$/), 1, 1],
        [expect.stringMatching(/^\d+\/lib\/b\.wgsl$/), 1, 2],
        [expect.stringMatching(/^\d+\/group-norm\.wgsl$/), 4, 12],
      ],
    });
    expect(kernel).toMatchObject({
      aliases: ["Element"],
      constants: { TILE: 8 },
      fixed: { FIXED: 2 },
      workgroup: [64, 8, 1],
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

  it("writes the code of kernels that load later to the module of their group, with what only they use", () => {
    const { text, output } = generate({
      "a.wgsl": `// a\n//: later big\n//: use lib/only_a.wgsl\n${binding}`,
      "b.wgsl": `// b\n//: use lib/both.wgsl\n${binding}`,
      "lib/only_a.wgsl": "fn only_a() {}\n",
      "lib/both.wgsl": "fn both() {}\n",
    });
    const { a, b } = moduleOf(text).kernels as Readonly<Record<string, { code: string; later?: string }>>;
    expect(a).toMatchObject({ code: "", later: "big", workgroup: [1, 1, 1], bindings: [{ name: "y" }] });
    expect(b!.later).toBeUndefined();
    expect(b!.code).toContain("fn both() {}");
    expect(text).not.toContain("only_a() {}");
    const { later } = moduleOf(readFileSync(output.replace(/\.ts$/, "-big.ts"), "utf8"));
    expect(later).toEqual({ a: { code: expect.stringContaining("fn only_a() {}\n") as string } });
    expect(generate({ "a.wgsl": `// a\n//: later\n${binding}` }).complaint).toMatch(
      /a\.wgsl:2: expected "\/\/: later GROUP"/,
    );
    expect(generate({ "a.wgsl": `// a\n//: later files\n${binding}` }).complaint).toMatch(/cannot be called files/);
  });

  it("lists files of which a variant chooses one, with the first in the code", () => {
    const { text } = generate({
      "k.wgsl": `// k\n//: use lib/weights/b.wgsl or lib/weights/a.wgsl\n${binding}`,
      "lib/weights/a.wgsl": "const BITS: u32 = 1u;\n",
      "lib/weights/b.wgsl": "const BITS: u32 = 2u;\nfn b() {}\n",
    });
    const { kernels, alternatives } = moduleOf(text);
    expect(kernels.k).toMatchObject({
      code: expect.stringContaining("\nconst BITS: u32 = 2u;\nfn b() {}\n") as string,
      choices: { weights: ["b", "a"] },
    });
    expect(alternatives).toEqual({
      weights: {
        a: {
          file: expect.stringMatching(/lib\/weights\/a\.wgsl$/) as string,
          lines: 1,
          fixed: { BITS: 1 },
          code: "const BITS: u32 = 1u;\n",
        },
        b: {
          file: expect.stringMatching(/lib\/weights\/b\.wgsl$/) as string,
          lines: 2,
          fixed: { BITS: 2 },
          code: "const BITS: u32 = 2u;\nfn b() {}\n",
        },
      },
    });
  });

  it.each([
    [
      "files in several folders",
      { "lib/a/x.wgsl": "", "lib/b/y.wgsl": "" },
      "lib/a/x.wgsl or lib/b/y.wgsl",
      /k\.wgsl:2: expected/,
    ],
    [
      "a constant to change in one",
      { "lib/a/x.wgsl": "const A: u32 = 1u; //: const\n", "lib/a/y.wgsl": "" },
      "lib/a/x.wgsl or lib/a/y.wgsl",
      /x\.wgsl:1: a file that variants choose/,
    ],
  ])("refuses %s to choose from", (_, libs, use, complaint) => {
    expect(generate({ "k.wgsl": `// k\n//: use ${use}\n${binding}`, ...libs }).complaint).toMatch(complaint);
  });

  describe("facts", () => {
    const made = {
      "blur.wgsl": [
        "// blurs",
        "//: use lib/mode.wgsl",
        "const TAPS: u32 = 5u;",
        "const DERIVED: u32 = TAPS * 2u;",
        "override GROUP: u32 = 32u;",
        "override MODE: u32 = MODE_WRAP_AROUND;",
        "struct Params {",
        "  edge: Edge,",
        "  rows: u32,",
        "}",
        "@group(0) @binding(0) var<storage, read_write> y: array<f32>;",
        "@group(0) @binding(1) var<uniform> params: Params;",
        "@compute @workgroup_size(GROUP)",
      ].join("\n"),
      "lib/mode.wgsl": [
        "// what lies beyond the edge",
        "//: enum MODE",
        "const MODE_CLAMP: u32 = 0u;",
        "const MODE_WRAP_AROUND: u32 = 1u;",
        "",
        "const MARGIN: f32 = -1.5e-3;",
        "struct Edge { mode: u32, width: u32, height: u32, value: f32 }",
      ].join("\n"),
    };
    const user = [
      "export const taps: 5 = kernels.blur.fixed.TAPS;",
      "export const [group]: readonly [32, 1, 1] = kernels.blur.workgroup;",
      "export const margin: number = libs.mode.MARGIN;",
      'export const modes: Readonly<Record<"clamp" | "wrapAround", number>> = enums.mode;',
      "export const all: Readonly<Record<keyof typeof enums.mode, string>> = { clamp: '', wrapAround: '' };",
    ].join("\n");

    it("have the numbers of a kernel, of its libs and of its enums, and the scalars of a struct in Params", () => {
      const { kernels, libs, enums } = moduleOf(generate(made).text);
      expect(kernels.blur).toMatchObject({ fixed: { TAPS: 5 }, workgroup: [32, 1, 1] });
      expect(kernels.blur).toMatchObject({ overrides: { MODE: { default: 1 } } });
      expect(kernels.blur).toMatchObject({
        params: [
          ["mode", "u32"],
          ["width", "u32"],
          ["height", "u32"],
          ["value", "f32"],
          ["rows", "u32"],
        ],
      });
      expect(libs).toEqual({ mode: { MARGIN: -0.0015 } });
      expect(enums).toEqual({ mode: { clamp: 0, wrapAround: 1 } });
    });

    it("compile with TypeScript that fits the kernel", () => {
      expect(compile(generate(made).text, user)).toEqual([]);
    });

    it.each([
      ["a number changes", "blur.wgsl", "TAPS: u32 = 5u", "TAPS: u32 = 7u", /Type '7' is not assignable to type '5'/],
      ["a number is renamed", "blur.wgsl", "const TAPS", "const TAP_COUNT", /'TAPS' does not exist/],
      ["the workgroup changes", "blur.wgsl", "GROUP: u32 = 32u", "GROUP: u32 = 64u", /'64' is not assignable/],
      ["a number of a lib is removed", "lib/mode.wgsl", "const MARGIN: f32 = -1.5e-3;", "", /'mode' does not exist/],
      [
        "an enum gets a value",
        "lib/mode.wgsl",
        "const MODE_CLAMP: u32 = 0u;",
        "const MODE_CLAMP: u32 = 0u;\nconst MODE_ZERO: u32 = 2u;",
        /'zero' is missing/,
      ],
      ["an enum loses a value", "lib/mode.wgsl", "const MODE_CLAMP: u32 = 0u;\n", "", /'clamp' is missing/],
    ] as const)("do not compile if %s and TypeScript does not change", (_, file, from, to, complaint) => {
      const text = made[file];
      expect(text).toContain(from);
      expect(compile(generate({ ...made, [file]: text.replace(from, to) }).text, user).join("\n")).toMatch(complaint);
    });
  });

  it.each([
    ["a missing header", `${binding}\n`, /k\.wgsl:1: .*must start with a comment/],
    ["a missing lib", `// k\n//: use lib/no.wgsl\n${binding}`, /k\.wgsl:2: there is no lib\/no\.wgsl/],
    [
      "a gap in the binding numbers",
      `// k\n${binding.replace("0) var", "1) var")}`,
      /k\.wgsl:2: expected binding 0, got 1/,
    ],
    [
      "a vector in Params",
      `// k\nstruct Params {\n  a: vec2<u32>,\n}\n${binding}`,
      /k\.wgsl:3: Params may only contain/,
    ],
    ["Params without a binding", `// k\nstruct Params { a: u32 }\n${binding}`, /k\.wgsl:1: struct Params is not bound/],
    ["a constant of the wrong kind", `// k\nconst A: u32 = -1; //: const\n${binding}`, /k\.wgsl:2: "-1" is not a u32/],
    ["an override without default", `// k\noverride A: u32;\n${binding}`, /k\.wgsl:2: expected "override/],
    ["no workgroup size", `// k\n${binding.split("\n")[0]!}`, /k\.wgsl:1: the kernel has no @workgroup_size/],
    ["a workgroup of an undeclared size", `// k\n${binding.replace("(1)", "(SIZE)")}`, /k\.wgsl:3: "SIZE" is not/],
    ["an enum without values", `// k\n//: enum KIND\n${binding}`, /k\.wgsl:2: expected "const KIND_/],
    [
      "two equal values of an enum",
      `// k\n//: enum KIND\nconst KIND_A: u32 = 1u;\nconst KIND_B: u32 = 1u;\n${binding}`,
      /k\.wgsl:4: KIND_B has the same value as another/,
    ],
    [
      "a struct in Params whose size is not a multiple of 16 bytes",
      `// k\nstruct Pair { a: u32, b: u32 }\nstruct Params { pair: Pair }\n${binding}`,
      /k\.wgsl:3: pair: Pair must start at a multiple of 16 bytes/,
    ],
    [
      "nine storage buffers",
      `// k\n${Array.from({ length: 9 }, (_, i) => binding.split("\n")[0]!.replace("0) var", `${i}) var`)).join("\n")}`,
      /k\.wgsl:10: more than 8 storage buffers/,
    ],
  ])("refuses %s, with file and line", (_, text, complaint) => {
    expect(generate({ "k.wgsl": text }).complaint).toMatch(complaint);
  });
});
