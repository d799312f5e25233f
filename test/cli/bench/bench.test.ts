import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { formatBench, type BenchReport } from "../../../src/cli/bench/report.js";
import { BENCH_OPERATIONS, prepareOperation } from "../../../src/cli/bench/operations.js";
import { measurePeak } from "../../../src/cli/bench/peaks.js";
import { dalle2 } from "../../support/cli.js";
import { openTestArena, sharedGpu } from "../../support/gpu.js";

const report = (description: string, results: BenchReport["results"]): BenchReport => ({
  version: "1.2.3",
  date: "2026-01-02",
  adapter: { vendor: "", architecture: "", device: "", description, implementation: "Dawn", isSoftware: true },
  table: "portable",
  platform: "linux x64",
  runtime: "Node 20.19.0",
  processor: "a processor",
  cores: 2,
  load: 0.5,
  results,
});

it("prints a machine beside others, by name and dtype", () => {
  const here = report("llvmpipe: Mesa 25.0.7", [
    { name: "linear", dtype: "f32", wall: 2, cpu: 3, gflops: 12.345, share: 0.256 },
    { name: "copy", dtype: "f16", wall: 2, cpu: 3, gbytes: 234.5 },
    { name: "step", dtype: "f32", wall: 1.5, cpu: 3 },
  ]);
  const there = report("SwiftShader driver-5.0.0", [
    { name: "linear", dtype: "f32", wall: 20, cpu: 30, gflops: 1.2 },
    { name: "step", dtype: "f16", wall: 9, cpu: 9 },
  ]);
  const lines = formatBench(here, [there])
    .split("\n")
    .map((line) => line.trim().split(/ {2,}/));
  expect(lines).toContainEqual(["this machine", "SwiftShader"]);
  expect(lines).toContainEqual(["linear f32", "12.3 GFLOP/s (26 %)", "1.20 GFLOP/s"]);
  expect(lines).toContainEqual(["copy f16", "235 GB/s", "-"]);
  // The other machine has it only in another dtype.
  expect(lines).toContainEqual(["step f32", "1.50 ms", "-"]);
});

it("finds peaks, which no adapter lacks", async () => {
  const { stream } = await openTestArena();
  const { flops, multiplyAdd, bytes, copy } = await measurePeak(stream, "f32", 1);
  expect(flops / multiplyAdd.wall).toBeGreaterThan(0);
  expect(bytes / copy.wall).toBeGreaterThan(0);
});

it("prepares each operation with its shapes, and frees its memory", async () => {
  const arena = await openTestArena();
  const gpu = await sharedGpu();
  const { live } = gpu.memory();
  for (const operation of BENCH_OPERATIONS) {
    using prepared = await prepareOperation(arena, operation);
    expect(() => {
      prepared.encode();
    }).not.toThrow();
  }
  await arena.checkGuards();
  expect(gpu.memory().live).toBe(live);
});

it("has reports of other machines in the form of its own", () => {
  const reports = JSON.parse(readFileSync("docs/speed.json", "utf8")) as readonly BenchReport[];
  for (const one of reports) {
    expect(one.results.length).toBeGreaterThan(0);
    expect(() => formatBench(one, [one])).not.toThrow();
  }
});

it("measures the operations with a name, as JSON", () => {
  const { status, stdout, stderr } = dalle2([
    "bench",
    "--seconds",
    "1",
    "--dtype",
    "f32",
    "--only",
    "layer norm",
    "--json",
  ]);
  expect(status, stderr).toBe(0);
  const { results, table } = JSON.parse(stdout) as BenchReport;
  expect(table).toMatch(/^\w/);
  expect(results.map(({ name }) => name)).toEqual([
    "peak of multiply-adds",
    "peak of copies",
    expect.stringContaining("layer norm"),
  ]);
  for (const { wall } of results) expect(wall).toBeGreaterThan(0);
});
