import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { hasAvx512, isNewEnough, widenVectors } from "../../src/platform/node-mesa.js";

const manifest = (version: string): string =>
  JSON.stringify({ ICD: { api_version: version, library_path: "libvulkan_lvp.so" }, file_format_version: "1.0.1" });

it.each([
  ["1.4.305", false],
  ["1.4.353", false],
  ["1.4.354", true],
  ["1.5.0", true],
  ["2.0.1", true],
  ["1.3.400", false],
])("a manifest of Vulkan %s is of a Mesa that is faster with wide vectors: %s", (version, isNew) => {
  expect(isNewEnough(manifest(version))).toBe(isNew);
});

it("a manifest without a version is of an unknown Mesa", () => {
  expect(isNewEnough("{}")).toBe(false);
  expect(isNewEnough("")).toBe(false);
});

it("wide vectors need all extensions of the processor that Mesa uses", () => {
  const cpuinfo = (flags: string) => `processor\t: 0\nmodel name\t: x\nflags\t\t: fpu ${flags} sse\nbugs\t\t:\n`;
  expect(hasAvx512(cpuinfo("avx2 avx512f avx512dq avx512bw avx512vl"))).toBe(true);
  expect(hasAvx512(cpuinfo("avx2 avx512f avx512cd"))).toBe(false);
  expect(hasAvx512("")).toBe(false);
});

describe("widenVectors", () => {
  const folder = mkdtempSync(join(tmpdir(), "dalle2-mesa-"));
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });
  const file = join(folder, "lvp_icd.json");
  const widthWith = (environment: Record<string, string>): string | undefined => {
    widenVectors(environment);
    return environment.LP_NATIVE_VECTOR_WIDTH;
  };

  it("leaves what the user has set, older drivers and other drivers alone", () => {
    writeFileSync(file, manifest("1.4.354"));
    expect(widthWith({ VK_DRIVER_FILES: file, LP_NATIVE_VECTOR_WIDTH: "128" })).toBe("128");
    expect(widthWith({ VK_DRIVER_FILES: join(folder, "nvidia_icd.json") })).toBeUndefined();
    expect(widthWith({ VK_DRIVER_FILES: join(folder, "lvp_icd.none.json") })).toBeUndefined();
    writeFileSync(file, manifest("1.4.305"));
    expect(widthWith({ VK_DRIVER_FILES: file })).toBeUndefined();
  });
});
