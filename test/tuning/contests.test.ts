import { describe, expect, it } from "vitest";
import { portableTable, type TuningTable } from "../../src/gpu/tuning.js";
import { Arena } from "../../src/tensor/arena.js";
import { attentionCase, convCase, linearCase } from "../../src/tuning/cases.js";
import { contests, forcedTables, simplified } from "../../src/tuning/contests.js";
import { sharedGpu } from "../support/gpu.js";

describe("forcedTables", () => {
  const tables = forcedTables(portableTable);

  it("together have every candidate of every contest", () => {
    for (const { name, candidates } of contests) {
      for (const candidate of candidates)
        expect(tables.map((one) => one.name).join("; "), name).toContain(candidate.name);
    }
  });

  it("use another kernel each, where the adapter can run it", async () => {
    const gpu = await sharedGpu();
    const kernelsOf = async (tuning: TuningTable): Promise<string> => {
      const keys: string[] = [];
      using stream = gpu.stream({
        tuning,
        onCommand: (command) => {
          if (command.kind === "dispatch") keys.push(command.key);
        },
      });
      for (const one of [linearCase(3, 8, 8), convCase(1, 4, 4, 4), attentionCase(2, 3, 1, 4)]) {
        const { run, dispose } = await one.prepare(new Arena(stream));
        run().dispose();
        dispose();
      }
      return keys.join(" ");
    };
    const kernels = new Set(await Promise.all(tables.map(({ table }) => kernelsOf(table))));
    expect(kernels.size).toBe(gpu.features.subgroups && gpu.adapter.lanes !== undefined ? tables.length : 1);
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
