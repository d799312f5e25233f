import { describe, expect, it } from "vitest";
import type { RecordedCommand } from "../../src/gpu/executors/record.js";
import { portableTable, type TuningTable } from "../../src/gpu/tuning.js";
import { Arena } from "../../src/tensor/arena.js";
import { attentionCase, convCase, groupNormCase, linearCase } from "../../src/tuning/cases.js";
import { contests, forcedTables, simplified } from "../../src/tuning/contests.js";
import { sharedGpu, testableTypes } from "../support/gpu.js";

describe("forcedTables", () => {
  const tables = forcedTables(portableTable);

  it("together have every candidate of every contest, and every kernel for GPUs", () => {
    for (const { name, candidates } of contests) {
      for (const candidate of candidates.filter(({ isForGpus }) => !isForGpus))
        expect(tables.map((one) => one.name).join("; "), name).toContain(candidate.name);
    }
    const names = tables.map((one) => one.name).join("; ");
    for (const kernel of ["tiled", "matrix", "team"]) expect(names).toContain(kernel);
  });

  it("run every kernel that the adapter can run", async () => {
    const gpu = await sharedGpu();
    const ran = new Set<string>();
    const onCommand = (command: RecordedCommand) => {
      if (command.kind === "dispatch") ran.add(/^\w+/.exec(command.key)![0]);
    };
    const cases = [linearCase(3, 8, 8), convCase(1, 4, 8, 8), attentionCase(2, 3, 1, 8), groupNormCase(1, 4, 8, 2)];
    for (const { table } of tables) {
      for (const dtype of await testableTypes()) {
        using stream = gpu.stream({ tuning: table, onCommand });
        for (const one of cases) {
          const { run, dispose } = await one.prepare(new Arena(stream, dtype));
          run().dispose();
          dispose();
        }
      }
    }
    const products = ["matmul", "conv2d", "tiledMatmul", "tiledConv2d"];
    const everywhere = [...products, "attention", "groupNormPartials", "groupNorm"];
    const broadcast = ["broadcastMatmul", "broadcastConv2d", "broadcastAttention", "winogradProducts"];
    const bySubgroups = [...broadcast, "uniformMatmul", "uniformConv2d", "teamAttention"];
    const byUnits = ["matrixMatmul", "matrixConv2d", "matrixAttention"];
    const { adapter, features } = gpu;
    const isWide = features.subgroups && adapter.lanes !== undefined;
    const hasUnits = isWide && features.f16 && features.subgroupMatrix && adapter.matrix !== undefined;
    expect([...ran]).toEqual(
      expect.arrayContaining([...everywhere, ...(isWide ? bySubgroups : []), ...(hasUnits ? byUnits : [])]),
    );
  });
});

describe("simplified", () => {
  const simple = (products: TuningTable["products"]) => simplified({ ...portableTable, products }).products;

  it("removes a rule if a wider one with the same kernel follows", () => {
    expect(
      simple([
        { kernel: "broadcast", ownRows: 4, minRows: 256 },
        { kernel: "broadcast", ownRows: 4, minRows: 48 },
        { kernel: "broadcast", ownRows: 1 },
      ]),
    ).toEqual([
      { kernel: "broadcast", ownRows: 4, minRows: 48 },
      { kernel: "broadcast", ownRows: 1 },
    ]);
  });

  it("keeps a rule if another kernel follows, or the next is for fewer operations", () => {
    const others: TuningTable["products"] = [
      { kernel: "direct", minRows: 9 },
      { kernel: "broadcast", ownRows: 1, minRows: 2 },
      { kernel: "broadcast", ownRows: 1, minRows: 3 },
    ];
    expect(simple(others)).toEqual(others);
  });
});
