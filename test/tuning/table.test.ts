import { describe, expect, it } from "vitest";
import { ConfigError } from "../../src/config/config-error.js";
import { portableTable, shippedTable, shippedTables, type TuningTable } from "../../src/gpu/tuning.js";
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

const nameless = { vendor: "", architecture: "", device: "", description: "" };

it.each([
  ["lavapipe in Node", "lavapipe-2", "Dawn", true, { description: "llvmpipe: Mesa 25.0.7 (LLVM 15.0.6)" }],
  ["lavapipe in Deno", "lavapipe-2", "wgpu", true, { vendor: "mesa", device: "llvmpipe (LLVM 15.0.6, 256 bits)" }],
  ["lavapipe in Chromium", "lavapipe-2", "Dawn", true, { vendor: "mesa", architecture: "software" }],
  ["lavapipe in Firefox", "lavapipe-2", "wgpu", true, {}],
  ["SwiftShader in Chromium", "swiftshader-2", "Dawn", true, { vendor: "google", architecture: "swiftshader" }],
  ["a software driver by name", "portable", "Dawn", true, { description: "Microsoft Basic Render Driver" }],
  ["a GPU in Chromium", "gpu-1", "Dawn", false, { vendor: "nvidia", architecture: "ampere" }],
  ["a GPU in Firefox", "gpu-1", "wgpu", false, {}],
  ["a GPU in Safari", "gpu-1", "WebKit", false, { vendor: "apple" }],
] as const)("%s has the table %s", (_, id, implementation, isSoftware, names) => {
  expect(shippedTable({ ...nameless, ...names, implementation, isSoftware }).id).toBe(id);
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

it.each([
  ["llvmpipe: Mesa 25.0.7-2~bpo12+1 (LLVM 15.0.6)", 8, /^lavapipe-\d$/],
  ["llvmpipe: Mesa 25.0.7 (LLVM 15.0.6)", 16, /^lavapipe-\d$/],
  ["llvmpipe: Mesa 26.1.6-1~bpo13+1 (LLVM 19.1.7)", 8, /^lavapipe-26-\d$/],
  ["llvmpipe: Mesa 26.1.6-1~bpo13+1 (LLVM 19.1.7)", 16, /^lavapipe-26-wide-\d$/],
  ["llvmpipe: Mesa 27.0.0 (LLVM 20)", 16, /^lavapipe-26-wide-\d$/],
])("the table of the package for %s with %d lanes is %s", (description, lanes, id) => {
  const adapter = {
    vendor: "mesa",
    device: "",
    description,
    architecture: "software",
    implementation: "Dawn",
  } as const;
  expect(shippedTable({ ...adapter, isSoftware: true, memoryBytes: undefined, lanes }).id).toMatch(id);
});
