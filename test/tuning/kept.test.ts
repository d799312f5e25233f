import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { GpuDevice } from "../../src/gpu/device.js";
import { openGpu } from "../../src/gpu/open.js";
import { isUnmeasured, shippedTables, type TuningTable } from "../../src/gpu/tuning.js";
import { forgetTuning, keepTuning, keptTuning, readKeptTuning, readTuningFile } from "../../src/tuning/kept.js";
import { namedTable } from "../../src/tuning/table.js";
import { sharedGpu } from "../support/gpu.js";

const table: TuningTable = namedTable({ id: "", products: [{ kernel: "direct", minRows: 11 }] });

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "dalle2-tuning-"));
  vi.stubEnv("DALLE2_CACHE", folder);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

/** The shared device under the name of a driver. */
async function deviceOf(description: string): Promise<GpuDevice> {
  const { device, adapter, features } = await sharedGpu();
  return new GpuDevice(device as GPUDevice, { ...adapter, isSoftware: true, description }, features);
}

describe("a kept table", () => {
  it("is used for its adapter and driver alone, until it is forgotten", async () => {
    const { adapter } = await sharedGpu();
    const file = await keepTuning(adapter, table);
    expect(await readTuningFile(file)).toEqual(table);
    expect(await readKeptTuning(adapter)).toEqual(table);
    expect(await readKeptTuning({ ...adapter, description: "another driver" })).toBeUndefined();
    expect(await readKeptTuning({ ...adapter, implementation: "wgpu" })).toBeUndefined();
    using gpu = await openGpu({ tuning: keptTuning() });
    expect(gpu.tuning).toEqual(table);
    expect(await forgetTuning(adapter)).toBe(true);
    expect(await forgetTuning(adapter)).toBe(false);
    expect(await keptTuning()(gpu)).toBeUndefined();
  });

  it.each([
    ["{", "is not JSON"],
    ['{"table": {"id": "x"}}', "products: missing"],
    ["[]", "expected an object"],
  ])("that is damaged (%s) is reported and not used", async (text, message) => {
    const gpu = await sharedGpu();
    writeFileSync(await keepTuning(gpu.adapter, table), text);
    const warnings: string[] = [];
    expect(await keptTuning({ onWarning: (warning) => warnings.push(warning) })(gpu)).toBeUndefined();
    expect(warnings.join()).toContain(message);
    expect(warnings.join()).toContain(folder);
  });

  it("is measured and kept on a software driver that no table is for, once", async () => {
    const gpu = await deviceOf("llvmpipe: Mesa 99.1");
    expect(await keptTuning({ probes: false })(gpu)).toBeUndefined();
    expect(readdirSync(folder)).toEqual([]);
    const found = await keptTuning()(gpu);
    expect(shippedTables).toContain(found);
    expect(await keptTuning({ probes: false })(gpu)).toBe(found);
  });
});

it("drivers are measured by the version that the costs of loads depend on", async () => {
  const { adapter } = await sharedGpu();
  const isUnknown = (description: string, isSoftware = true) =>
    isUnmeasured({ ...adapter, architecture: "", device: "", description, isSoftware });
  expect(isUnknown("llvmpipe: Mesa 25.0.7-2~bpo12+1 (LLVM 15.0.6)")).toBe(false);
  expect(isUnknown("llvmpipe: Mesa 22.3.6 (LLVM 15.0.6)")).toBe(false);
  expect(isUnknown("llvmpipe: Mesa 25.3.1 (LLVM 19)")).toBe(true);
  expect(isUnknown("llvmpipe: Mesa 26.1.6-1~bpo13+1 (LLVM 19.1.7)")).toBe(false);
  expect(isUnknown("llvmpipe: Mesa 99.1.2 (LLVM 19)")).toBe(true);
  expect(isUnknown("SwiftShader Device (LLVM 16.0.0)")).toBe(false);
  expect(isUnknown("Microsoft Basic Render Driver")).toBe(true);
  expect(isUnknown("NVIDIA H100", false)).toBe(false);
});
