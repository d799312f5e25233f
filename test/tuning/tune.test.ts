import { describe, expect, it } from "vitest";
import { portableTable, type TuningTable } from "../../src/gpu/tuning.js";
import { ShapeError } from "../../src/ops/shape-error.js";
import type { TuningCase } from "../../src/tuning/cases.js";
import type { Candidate, Contest } from "../../src/tuning/contests.js";
import { contests } from "../../src/tuning/contests.js";
import { probeTable } from "../../src/tuning/probe.js";
import { tuneGpu } from "../../src/tuning/tune.js";
import { sharedGpu } from "../support/gpu.js";

/** Adds rows × 4096 zeros, as often as the first rule of the table has rows; with 13 rows it is wrong, with 14 it fails. */
const fakeCase: TuningCase = {
  name: "fake",
  prepare: (arena) => {
    const run = () => {
      const { minRows = 1 } = arena.stream.tuning.products[0] ?? {};
      if (minRows === 14) throw new ShapeError("fake", "x", "14", "another");
      for (let i = 0; i < minRows; i++) arena.from(new Float32Array(4096), [4096]).dispose();
      return arena.from([minRows === 13 ? 2 : 1], [1]);
    };
    return Promise.resolve({ run, dispose: () => undefined });
  },
};

function candidate(minRows: number): Candidate {
  return {
    name: `${minRows}`,
    decide: (table: TuningTable) => ({ ...table, products: [{ kernel: "direct", minRows }] }),
  };
}

describe("tuneGpu", () => {
  it("leaves out kernels that fail or are wrong", async () => {
    const gpu = await sharedGpu();
    const contest: Contest = {
      name: "fake operations",
      key: "products",
      cases: { software: [fakeCase], gpu: [fakeCase] },
      candidates: [13, 14, 2].map(candidate),
    };
    const { table, decisions } = await tuneGpu(gpu, { contests: [contest] });
    expect(table.products).toEqual([{ kernel: "direct", minRows: 2 }]);
    expect(decisions).toMatchObject([{ name: "fake operations", chosen: "2" }]);
    const problems = new Map(decisions[0]!.candidates.map(({ name, problem }) => [name, problem]));
    expect(problems.get("13")).toBe("wrong result of fake: error 1.0e+0, allowed 0.0001");
    expect(problems.get("14")).toContain("fake: x is 14");
    expect(problems.get("2")).toBeUndefined();
  });

  it("decides between kernels, leaves no memory behind, and can be interrupted", async () => {
    const gpu = await sharedGpu();
    const { live } = gpu.memory();
    const [first] = contests;
    const chosen: string[] = [];
    const onDecision = (decision: { readonly chosen: string }) => chosen.push(decision.chosen);
    const { table, decisions } = await tuneGpu(gpu, { contests: [first!], onDecision });
    expect(chosen).toEqual([decisions[0]!.chosen]);
    expect(table.products).toHaveLength(1);
    const { candidates } = decisions[0]!;
    for (const { milliseconds } of candidates) expect(milliseconds).toBeGreaterThan(0);
    expect(gpu.memory().live).toBe(live);
    const signal = AbortSignal.abort(new Error("stop"));
    await expect(tuneGpu(gpu, { contests: [first!], signal })).rejects.toThrow("stop");
    expect(gpu.memory().live).toBe(live);
  });
});

it("probeTable returns a table of the package, and leaves no memory behind", async () => {
  const gpu = await sharedGpu();
  const { live } = gpu.memory();
  expect((await probeTable(gpu)).id).toMatch(/-\d+$|^portable$/);
  expect(gpu.memory().live).toBe(live);
  expect(portableTable.products).toEqual([]);
});
