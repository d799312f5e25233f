import { expect, it } from "vitest";
import { deviceOf, namedTable } from "../../src/cli/tuning-table.js";

it.each([
  ["lavapipe-2", 8],
  ["lavapipe-26-1", 8],
  ["lavapipe-26-wide-1", 16],
  ["swiftshader-2", 4],
  ["gpu-1", 32],
])("a device for table %s has subgroups of %i", async (id, lanes) => {
  const table = await namedTable(id);
  const { adapter, tuning } = await deviceOf(table);
  expect(adapter.lanes).toBe(lanes);
  expect(tuning).toBe(table);
  expect(adapter.isSoftware).toBe(id !== "gpu-1");
});
