import { describe, expect, it } from "vitest";
import { ConfigError } from "../../src/config/config-error.js";
import { portableTable, shippedTables, type TuningTable } from "../../src/gpu/tuning.js";
import { namedTable, parseTuningTable } from "../../src/tuning/table.js";

const table: TuningTable = {
  id: "mine",
  products: [{ kernel: "broadcast", ownRows: 2, minRows: 7 }, { kernel: "direct" }],
  attention: [],
};

describe("the name of a table", () => {
  it("is a hash of its content, in whatever order its keys are", () => {
    const { id } = namedTable(table);
    expect(id).toMatch(/^tuned-[0-9a-f]{8}$/);
    const reordered = {
      attention: [],
      products: [{ minRows: 7, kernel: "broadcast", ownRows: 2 }, { kernel: "direct" }],
    };
    expect(parseTuningTable({ ...reordered, id: "other" }, "a.json").id).toBe(id);
    expect(namedTable({ ...table, keepsHalfWeights: false }).id).toBe(id);
    expect(namedTable({ ...table, keepsHalfWeights: true }).id).not.toBe(id);
    expect(namedTable({ ...table, products: [...table.products].reverse() }).id).not.toBe(id);
  });

  it.each(shippedTables)("of a table with the rules of $id is that", (shipped) => {
    expect(parseTuningTable(JSON.parse(JSON.stringify({ ...shipped, id: "tuned" })), "a.json")).toEqual(shipped);
  });
});

describe("parseTuningTable", () => {
  it.each([
    [{ products: "direct" }, /products: expected a list/],
    [{ products: [{ kernel: "magic" }] }, /products\[0\]\.kernel: expected "direct" or/],
    [{ products: [{ kernel: "direct", rows: 4 }] }, /products\[0\]: unknown key "rows"/],
    [{ products: [{ kernel: "broadcast", ownRows: 1.5 }] }, /ownRows/],
    [{ speed: 3 }, /unknown key "speed"/],
  ])("refuses %j, and says where the fault is", (change, message) => {
    const parse = () => parseTuningTable({ ...portableTable, ...change }, "mine.json");
    expect(parse).toThrow(ConfigError);
    expect(parse).toThrow(/^mine\.json is not/);
    expect(parse).toThrow(message);
  });
});
