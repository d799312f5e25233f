import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { register } from "../../src/cli/verify.js";
import { EXACT, resultOf, PIXELS, type Output, type VerifyResult } from "../../src/fixture/result.js";
import { verifyFixture } from "../../src/verify/verify.js";
import { fixtureFolder } from "../support/golden.js";

const root = mkdtempSync(join(tmpdir(), "verify-"));
afterAll(() => {
  rmSync(root, { recursive: true });
});

/** A copy of a fixture with another fixture.json. */
function altered(name: string, change: (json: string) => string, copy = `${name}-altered`): string {
  const folder = join(root, copy);
  cpSync(fixtureFolder(name), folder, { recursive: true });
  const file = join(folder, "fixture.json");
  const json = readFileSync(file, "utf8");
  expect(change(json)).not.toBe(json);
  writeFileSync(file, change(json));
  return folder;
}

const noGpu = () => Promise.reject(new Error("the GPU was opened"));

describe("resultOf", () => {
  const output = (actual: number[], expected: number[], tolerance: Output["tolerance"]): Output => {
    return { name: "y", actual, expected, tolerance };
  };

  it("measures the largest error, absolute and relative to the largest value, and the mean square error", () => {
    const outputs = [output([1, 2.5, -4], [1, 2, -4], { maxRelative: 0.125 })];
    expect(resultOf("case", "kind", outputs)).toEqual({
      name: "case",
      kind: "kind",
      pass: true,
      maxAbs: 0.5,
      nmse: 0.25 / 21,
    });
  });

  it.each<[string, Output]>([
    ["an error above the bound", output([1, 2.5], [1, 2], { maxRelative: 0.249 })],
    ["a mean square error above the bound", output([1, 2.5], [1, 2], { nmse: 0.0499 })],
    ["NaN", output([1, NaN], [1, 2], { maxRelative: 1e9 })],
    ["NaN of the reference that we do not have", output([1, 2], [1, NaN], { nmse: 1e9 })],
    ["an infinity of the other sign", output([-Infinity], [Infinity], { maxRelative: 1e9 })],
    ["too few values", output([1], [1, 2], { maxRelative: 1e9 })],
    ["the last digit, if values must be equal", output([1 + Number.EPSILON], [1], EXACT)],
  ])("does not pass %s", (_, wrong) => {
    const right = output([1], [1], EXACT);
    const result = resultOf("case", "kind", [right, wrong]);
    expect(result.pass).toBe(false);
    expect(result.message).toMatch(/^y: /);
  });

  it("treats equal infinities and NaN as no error", () => {
    const both = [Infinity, NaN, 1];
    expect(resultOf("case", "kind", [output(both, both, EXACT)])).toMatchObject({ pass: true, maxAbs: 0, nmse: 0 });
  });

  it("allows an error above one in one of a hundred bytes of an image", () => {
    const expected = new Float32Array(200).fill(7);
    const image = (...wrong: number[]) => expected.map((value, i) => (i < wrong.length ? wrong[i]! : value + 1));
    const tolerance = PIXELS.f32;
    expect(resultOf("case", "kind", [{ name: "a", actual: image(9, 5), expected, tolerance }]).pass).toBe(true);
    const result = resultOf("case", "kind", [{ name: "a", actual: image(9, 5, 255), expected, tolerance }]);
    expect(result).toMatchObject({
      pass: false,
      message: "a: fraction of values with an error above 1 is 1.5e-2, allowed 1.0e-2",
    });
  });

  it("does not pass a fixture without outputs", () => {
    expect(resultOf("case", "kind", [])).toMatchObject({ pass: false, maxAbs: null, nmse: null });
  });
});

describe("verifyFixture", () => {
  it.each(["rng", "schedules", "tokenizer"])("passes %s without opening the GPU", async (name) => {
    expect(await verifyFixture(fixtureFolder(name), noGpu)).toMatchObject({ name, kind: name, pass: true });
  });

  it("finds one wrong token", async () => {
    const folder = altered("tokenizer", (json) => json.replace("3306", "3307"));
    const result = await verifyFixture(folder, noGpu);
    expect(result).toMatchObject({ pass: false, maxAbs: 1 });
    expect(result.message).toContain('bpe of "Hello World"');
  });

  it("reports an unknown kind as unsupported", async () => {
    const folder = altered("prior-net", (json) => json.replace('"kind": "prior-net"', '"kind": "portrait"'));
    const result = await verifyFixture(folder, noGpu);
    expect(result).toMatchObject({ name: "prior-net", pass: false, maxAbs: null, nmse: null });
    expect(result.message).toMatch(/^unsupported: .*portrait/);
  });

  it("reports an error of a fixture as its result", async () => {
    const folder = altered("prior-net", (json) => json.replace('"dim": 32', '"dim": "wide"'));
    expect((await verifyFixture(folder, noGpu)).message).toMatch(/fixture\.json.*net\.dim/s);
  });

  it("rejects if there is no fixture", async () => {
    await expect(verifyFixture(root, noGpu)).rejects.toThrow("fixture.json");
  });
});

describe("dalle2 verify", () => {
  const log = vi.spyOn(console, "log").mockImplementation(() => undefined);
  afterEach(() => {
    log.mockClear();
    process.exitCode = undefined;
  });

  async function run(...args: string[]): Promise<string> {
    const program = new Command().exitOverride();
    register(program);
    await program.parseAsync(["verify", ...args], { from: "user" });
    return log.mock.calls.map(([line]) => String(line)).join("\n");
  }

  it("prints a line for a fixture and keeps the exit status", async () => {
    expect(await run(fixtureFolder("schedules"))).toMatch(
      /^pass {2}schedules +schedules +max +\S+e-\d+ +nmse +\S+e-\d+$/m,
    );
    expect(process.exitCode).toBeUndefined();
  });

  it("runs all fixtures in a folder and fails if one fails", async () => {
    const suite = join(root, "suite");
    mkdirSync(join(suite, "deep"), { recursive: true });
    cpSync(fixtureFolder("tokenizer"), join(suite, "deep", "a"), { recursive: true });
    altered("tokenizer", (json) => json.replace('"kind": "tokenizer"', '"kind": "unheard"'), "suite/z");
    const results = JSON.parse(await run(suite, "--json")) as VerifyResult[];
    expect(results).toEqual([
      { name: "tokenizer", kind: "tokenizer", pass: true, maxAbs: 0, nmse: 0 },
      {
        name: "tokenizer",
        kind: "unheard",
        pass: false,
        maxAbs: null,
        nmse: null,
        message: expect.stringMatching(/^unsupported: /) as string,
      },
    ]);
    expect(process.exitCode).toBe(1);
  });

  it("refuses a folder without fixtures", async () => {
    const empty = join(root, "empty");
    mkdirSync(empty);
    await expect(run(empty)).rejects.toThrow("no fixture.json");
    await expect(run(join(root, "nowhere"))).rejects.toThrow("no folder");
    const file = join(empty, "file.json");
    writeFileSync(file, "{}");
    await expect(run(file)).rejects.toThrow("file.json is a file: give the folder of a fixture.");
  });
});
