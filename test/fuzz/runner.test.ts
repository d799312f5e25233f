// Tests the runner itself with targets that do what must never happen.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Random } from "./random.js";
import { bundleWorker, type WorkerBundle } from "./runner/bundle.js";
import type { Limits } from "./runner/job.js";
import { minimiseBytes } from "./runner/minimise.js";
import { reproduce } from "./runner/reproduce.js";
import { runTarget } from "./runner/supervise.js";
import { inputOf, loadTarget, TARGET_NAMES } from "./targets/index.js";

const limits: Limits = { slow: 200, hang: 2000, memory: 100e6 };

let bundle: WorkerBundle;
let folder: string;
beforeAll(async () => {
  bundle = await bundleWorker();
  folder = await mkdtemp(join(tmpdir(), "fuzz-out-"));
});
afterAll(async () => {
  await bundle[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

const run = (target: string, runs = 100) => runTarget({ script: bundle.script, target, seed: 3, runs, limits });

/** The first input that fails. */
async function firstSeven(name: string): Promise<number> {
  const target = await loadTarget(name);
  for (let number = 0; ; number++) if (inputOf(target, name, 3, number)[0] === 7) return number;
}

describe("is found", () => {
  it.each([
    ["broken-untyped", "untyped error", /TypeError: cannot read/],
    ["broken-promise", "broken promise", /accepts a seven/],
    ["broken-message", "unfit message", /FormatError: \\u\{1b\}\[31mred/],
    ["broken-prototype", "changed prototype", /added polluted/],
    ["broken-rejection", "unhandled rejection", /nobody waits for it/],
    ["broken-slow", "slow", /\d+ ms for 8 bytes/],
  ])("%s", async (target, kind, detail) => {
    const { inputs, failed, outcomes, findings } = await run(target);
    expect(inputs).toBe(100);
    expect(failed).toBeGreaterThan(1);
    expect(outcomes.get("accepted")).toBe(100 - failed);
    expect(findings.map(({ fault }) => fault.kind)).toEqual([kind]);
    expect(findings[0]!.fault.detail).toMatch(detail);
    const input = inputOf(await loadTarget(target), target, 3, findings[0]!.number);
    expect(input[0]).toBe(7);
  });

  it.each([
    ["broken-hang", "hang", /still runs after/],
    ["broken-crash", "crash", /SIGABRT/],
  ])("%s, and what comes after it is run", async (target, kind, detail) => {
    const runs = (await firstSeven(target)) + 5;
    const { inputs, failed, outcomes, findings } = await run(target, runs);
    expect(inputs).toBe(runs);
    expect(failed).toBeGreaterThan(0);
    expect(outcomes.get("accepted")).toBe(runs - failed);
    expect(findings.map(({ fault }) => fault.kind)).toEqual([kind]);
    expect(findings[0]!.fault.detail).toMatch(detail);
  });

  it("broken-memory", async () => {
    const { inputs, findings } = await run("broken-memory");
    expect(inputs).toBe(100);
    expect(findings.map(({ fault }) => fault.kind)).toEqual(["memory"]);
  });
});

describe("a finding", () => {
  it("is made small, and written with the line that gives it again", async () => {
    const { findings } = await run("broken-untyped");
    const options = { script: bundle.script, seed: 3, folder };
    const { command, file, bytes, isConfirmed } = await reproduce(options, "broken-untyped", findings[0]!);
    expect(command).toBe(`npm run fuzz -- broken-untyped --seed 3 --only ${findings[0]!.number}`);
    expect(isConfirmed).toBe(true);
    expect(bytes).toBe(1);
    expect([...(await readFile(file))]).toEqual([7]);
  });

  it("that kills its process, too", async () => {
    const { findings } = await run("broken-crash", 1 + (await firstSeven("broken-crash")));
    const options = { script: bundle.script, seed: 3, folder };
    const { isConfirmed, bytes } = await reproduce(options, "broken-crash", findings[0]!);
    expect([isConfirmed, bytes]).toEqual([true, 1]);
  });
});

describe("inputs", () => {
  it.each(TARGET_NAMES)("of %s are a function of target, seed and number", async (name) => {
    const [one, other] = [await loadTarget(name), await loadTarget(name)];
    for (const number of [0, 1, 100, 101, 102, 103, 104, 105]) {
      expect(inputOf(one, name, 7, number)).toEqual(inputOf(other, name, 7, number));
    }
    const some = [1000, 1001, 1002, 1003].map((number) => inputOf(one, name, 7, number).join());
    expect(new Set([...some, inputOf(one, name, 8, 1000).join()]).size).toBeGreaterThan(2);
  });

  it("are minimised from the source that generated them", async () => {
    for (const number of [1000, 1001, 1002, 1003, 1004, 1005]) {
      const target = await loadTarget("safetensors");
      const input = inputOf(target, "safetensors", 7, number);
      const seen: Uint8Array[] = [];
      const small = await target.inputs.minimise(new Random("safetensors", 7, number), (candidate) => {
        seen.push(candidate);
        return Promise.resolve(false);
      });
      expect(small).toEqual(input);
      expect(seen.length).toBeGreaterThan(0);
    }
  });

  it("lose all that the failure does not need", async () => {
    const input = Uint8Array.from({ length: 1000 }, (_, i) => i % 251);
    const fails = (bytes: Uint8Array) => Promise.resolve(bytes.includes(17) && bytes.includes(99));
    expect([...(await minimiseBytes(input, fails))]).toEqual([17, 99]);
  });
});
