// Where the shader compilers find errors, by the files of the kernel: Tint (Dawn, in Node) and Naga (wgpu, in Deno).
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { reportErrors, type CompilerMessage } from "../../src/gpu/shader-messages.js";
import { DENO, runProgram, type Ran } from "../support/runtimes.js";

const source = {
  files: [
    ["kernels/a.wgsl", 1, 2],
    ["kernels/lib/b.wgsl", 1, 3],
    ["kernels/a.wgsl", 3, 10],
  ],
} as const;
const wgsl = Array.from({ length: 15 }, (_, i) => `  line_${i + 1}();`).join("\n");

function message(lineNum: number, text: string, more: Partial<CompilerMessage> = {}): CompilerMessage {
  return { type: "error", lineNum, linePos: 3, length: 1, message: text, ...more };
}

describe("reportErrors", () => {
  it("places each message in its file and shows the line", () => {
    const report = reportErrors(source, wgsl, [
      message(5, "no such name"),
      message(6, "because of this", { type: "info" }),
    ]);
    expect(report).toEqual({
      file: "kernels/lib/b.wgsl",
      text: [
        "  kernels/lib/b.wgsl:3:3: no such name",
        "    line_5();",
        "  kernels/a.wgsl:3:3: note: because of this",
        "    line_6();",
      ].join("\n"),
    });
  });

  it("does not count the line that enables f16", () => {
    const report = reportErrors(source, `enable f16;\n${wgsl}`, [message(4, "x"), message(1, "y")]);
    expect(report?.text).toBe(
      "  kernels/lib/b.wgsl:1:3: x\n    line_3();\n  line 1:3 of the generated WGSL: y\n    enable f16;",
    );
  });

  it("reads the position out of Naga's drawing where the message has none", () => {
    const text = [
      "",
      "Shader 'attention' parsing error: automatic conversions cannot convert `{AbstractFloat}` to `u32`",
      "  ┌─ wgsl:7:29",
      "  │",
      "7 │ fn broken() -> u32 { return 1.5; }",
      "  │                             ^^^ this expression has type {AbstractFloat}",
      "  │",
      "  = note: types are strict",
      "",
    ].join("\n");
    const report = reportErrors(source, wgsl, [message(1, text, { linePos: 1, length: 0 })]);
    expect(report?.text).toBe(
      "  kernels/a.wgsl:4:29: automatic conversions cannot convert `{AbstractFloat}` to `u32`\n    line_7();\n    note: types are strict",
    );
  });

  it("takes what Naga underlines where its message is on a whole function", () => {
    const text = [
      "",
      "Shader validation error: Function [0] 'sum_of' is invalid",
      "  ┌─ pointwise:6:1",
      "  │  ",
      "6 │ ╭ fn sum_of(x: vec4<f32>) -> f32 {",
      "7 │ │   return 1u;",
      "  │ │          ^^ naga::ir::Expression [1]",
      "8 │ │ }",
      "  │ ╰─^ naga::ir::Function [0]",
      "  │  ",
      "  = The `return` expression does not match the declared return type",
      "",
    ].join("\n");
    const report = reportErrors(source, wgsl, [message(6, text, { linePos: 1, length: 47 })]);
    expect(report?.text).toBe(
      "  kernels/a.wgsl:4:10: Function [0] 'sum_of' is invalid\n    line_7();\n    The `return` expression does not match the declared return type",
    );
  });

  it("has nothing to say of warnings alone", () => {
    expect(reportErrors(source, wgsl, [message(1, "unused", { type: "warning" })])).toBeUndefined();
  });
});

/** Mistakes of all kinds, each on a line that the kernel has: where they are written, and what is there instead. */
const MISTAKES = [
  ["kernels/lib/numbers.wgsl", "fn max_of(", "fn max_of({"],
  ["kernels/lib/numbers.wgsl", "return dot(x, vec4<f32>(1.0));", "return 1u;"],
  ["kernels/attention.wgsl", "fn main(", "fn main( {"],
  ["kernels/attention.wgsl", "const QUERIES: u32 = 2u;", "const QUERIES: u32 = 1.5;"],
] as const;

describe.each([
  ["Tint", process.execPath, ["--input-type=module", "-e"]],
  ["Naga", DENO, ["eval"]],
] as const)("%s", (_, program, args) => {
  it.skipIf(program === undefined)("names file and line of a mistake in a kernel, however it is compiled", async () => {
    const script = `
      const { kernels } = await import("./dist/gpu/kernel-sources.js");
      const { openGpu } = await import("./dist/gpu/open.js");
      const { PipelineCache } = await import("./dist/gpu/pipelines.js");
      const { code } = kernels.attention;
      const gpu = await openGpu();
      const said = [];
      for (const [, from, to] of ${JSON.stringify(MISTAKES)}) {
        Object.defineProperty(kernels.attention, "code", { value: code.replace(from, to), configurable: true });
        for (const types of gpu.features.f16 ? [{}, { Element: "f16" }] : [{}]) {
          const cache = new PipelineCache(gpu.device);
          const inTime = await cache.get("attention", { types }).check;
          const ahead = await new PipelineCache(gpu.device).prepare("attention", { types }).catch((error) => error);
          for (const { name, message, place } of [inTime, ahead]) said.push({ name, message, place });
        }
      }
      console.log(JSON.stringify(said));
      (globalThis.Deno ?? process).exit(0);`;
    const { stdout, stderr }: Ran = await runProgram(program!, [...args, script]);
    const said = JSON.parse(stdout || "[]") as { name: string; message: string; place: unknown }[];
    const each = said.length / MISTAKES.length;
    expect(each, stderr).toBeGreaterThanOrEqual(2);
    for (const [i, [file, from, to]] of MISTAKES.entries()) {
      const lines = readFileSync(file, "utf8").split("\n");
      const line = 1 + lines.findIndex((text) => text.includes(from));
      for (const error of said.slice(i * each, (i + 1) * each)) {
        expect(error).toMatchObject({ name: "ShaderError", place: { operation: "attention", file } });
        expect(error.message).toMatch(/^Kernel attention( Element=f16)? does not compile:\n/);
        expect(error.message).toContain(`\n  ${file}:${line}:`);
        expect(error.message).toContain(to);
      }
    }
  });
});
