import { describe, expect, it } from "vitest";
import { sourcePlace, specialise, withChoices } from "../../src/gpu/kernel-source.js";

const code = `// y = x
alias Element = f32; // storage
alias Element4 = vec4<Element>;
const TILE_M: u32 = 8u; //: const
const TILE_M2: u32 = TILE_M * 2u;
const SHIFT: i32 = -1; //: const
const EPS: f32 = 1e-5; //: const
const FIXED: u32 = 3u;
fn f() { const TILE_M: u32 = 1u; }
`;
const source = {
  code,
  extensions: [],
  aliases: ["Element"],
  constants: { TILE_M: 8, SHIFT: -1, EPS: 1e-5 },
} as const;

describe("specialise", () => {
  it("changes nothing without choices", () => {
    expect(specialise(source, {})).toBe(code);
    expect(specialise(source, { types: { Element: "f32" }, constants: { TILE_M: 8 } })).toBe(code);
  });

  it("rewrites only right-hand sides of top-level declarations, with the suffix of their type", () => {
    const variant = specialise(source, { constants: { TILE_M: 16, SHIFT: 2, EPS: 1 } });
    expect(variant).toBe(
      code.replace("= 8u; //", "= 16u; //").replace("= -1; //", "= 2i; //").replace("= 1e-5; //", "= 1.0f; //"),
    );
  });

  it("enables f16 if a storage type is f16", () => {
    expect(specialise(source, { types: { Element: "f16" } })).toBe(
      `enable f16;\n${code.replace("Element = f32", "Element = f16")}`,
    );
  });

  it("enables the extensions of the kernel and f16 in one line", () => {
    const extended = { ...source, extensions: ["subgroups"] };
    expect(specialise(extended, {})).toBe(`enable subgroups;\n${code}`);
    expect(specialise(extended, { types: { Element: "f16" } })).toMatch(/^enable subgroups, f16;\n/);
  });

  it("refuses names and values that the kernel does not accept", () => {
    // @ts-expect-error: FIXED is not marked as specialisable
    expect(() => specialise(source, { constants: { FIXED: 4 } })).toThrow(/constant FIXED/);
    // @ts-expect-error: Element4 depends on Element
    expect(() => specialise(source, { types: { Element4: "f16" } })).toThrow(/storage type Element4/);
    expect(() => specialise(source, { constants: { TILE_M: -1 } })).toThrow(/TILE_M is -1; expected a u32/);
    expect(() => specialise(source, { constants: { SHIFT: 0.5 } })).toThrow(/i32/);
    expect(() => specialise(source, { constants: { EPS: NaN } })).toThrow(/f32/);
  });
});

describe("withChoices", () => {
  const alternatives = {
    weights: {
      full: { file: "lib/weights/full.wgsl", lines: 1, code: "fn full() {}\n" },
      half: { file: "lib/weights/half.wgsl", lines: 2, code: "fn half() {}\nfn more() {}\n" },
    },
  };
  const kernel = {
    code: "// k\nfn full() {}\nfn main() {}\n",
    files: [["k.wgsl", 1, 1] as const, ["lib/weights/full.wgsl", 1, 1] as const, ["k.wgsl", 2, 1] as const],
    choices: { weights: ["full", "half"] },
  };

  it("puts the chosen file in the place of the default one, also for the places of errors", () => {
    expect(withChoices(kernel, { weights: "full" }, alternatives)).toBe(kernel);
    const { code, files } = withChoices(kernel, { weights: "half" }, alternatives);
    expect(code).toBe("// k\nfn half() {}\nfn more() {}\nfn main() {}\n");
    expect(sourcePlace({ files }, code, 3)).toEqual({ file: "lib/weights/half.wgsl", line: 2 });
    expect(sourcePlace({ files }, code, 4)).toEqual({ file: "k.wgsl", line: 2 });
  });

  it("refuses a file that the kernel does not name", () => {
    expect(() => withChoices(kernel, { weights: "tiny" }, alternatives)).toThrow(/no weights "tiny"/);
    expect(() => withChoices(kernel, { tiles: "half" }, alternatives)).toThrow(/no tiles "half"/);
  });
});
