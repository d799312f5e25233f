import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openFile } from "../../src/platform/node.js";
import { openCheckpoint } from "../../src/models/open-checkpoint.js";
import { inspectCheckpoint } from "../../src/models/inspect.js";
import { measuredRun } from "../support/measured-run.js";
import { writeSparse } from "../support/sparse-file.js";
import { hole, sparseTorchZip } from "../support/torch-file.js";
import type { Sparse } from "../support/zip.js";

const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "dalle2-memory-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/**
 * Matrices of 100 MB in the checkpoint. Six make it twice as large as the memory that converting may use. Twenty make 2 GB,
 * for DALLE2_LARGE_TESTS=1, which need 1 GB on the disk and half a minute of two busy cores.
 */
const MATRICES = process.env.DALLE2_LARGE_TESTS === "1" ? 20 : 6;
const SIZE = 5000;
const LIMIT_BYTES = 300e6;

const source = join(folder, "large.pth");

beforeAll(() => {
  const model = Object.fromEntries(
    Array.from({ length: MATRICES }, (_, i) => [`unets.0.mid.${i}.weight`, hole([SIZE, SIZE])]),
  );
  writeSparse(source, sparseTorchZip({ version: "1.1.0", model }));
  expect(statSync(source).size).toBeGreaterThan(MATRICES * 100e6);
});

it(`dalle2 convert of ${MATRICES * 100} MB peaks under 300 MB`, () => {
  const out = join(folder, "large.safetensors");
  const { status, stderr, peakBytes } = measuredRun(main, ["convert", source, out, "--dtype", "f16"]);
  expect([status, stderr]).toEqual([0, ""]);
  expect(statSync(out).size).toBeGreaterThan(MATRICES * 50e6);
  expect(peakBytes).toBeLessThan(LIMIT_BYTES);
});

describe("dalle2 inspect of 5 GB reads no more than headers", () => {
  const tensors = Array.from({ length: 50 }, (_, i) => `unets.0.mid.${i}.weight`);
  const torch = () =>
    sparseTorchZip({ version: "1.1.0", model: Object.fromEntries(tensors.map((name) => [name, hole([SIZE, SIZE])])) });
  const safetensors = (): Sparse => {
    const bytes = 4 * SIZE * SIZE;
    const entry = (i: number) => ({ dtype: "F32", shape: [SIZE, SIZE], data_offsets: [i * bytes, (i + 1) * bytes] });
    const header = Buffer.from(JSON.stringify(Object.fromEntries(tensors.map((name, i) => [name, entry(i)]))));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    const head = Buffer.concat([length, header]);
    return { parts: [{ at: 0, bytes: head }], size: head.length + tensors.length * bytes };
  };
  it.each([
    ["torch", "huge.pth", torch],
    ["safetensors", "huge.safetensors", safetensors],
  ])("of %s", async (_, name, content) => {
    const path = join(folder, name);
    writeSparse(path, content());
    expect(statSync(path).size).toBeGreaterThan(5e9);
    const start = performance.now();
    const checkpoint = await openCheckpoint(await openFile(path));
    expect((await inspectCheckpoint(checkpoint)).parameters).toBe(tensors.length * SIZE * SIZE);
    await checkpoint.close();
    // Usually about 20 ms; the limit leaves room for a busy machine.
    expect(performance.now() - start).toBeLessThan(5000);
  });
});

it(`loading ${MATRICES * 100} MB keeps JavaScript's memory under 200 MB`, () => {
  const script = fileURLToPath(new URL("../support/load-large.js", import.meta.url));
  const { status, stdout } = spawnSync(process.execPath, [script, source, `${SIZE}`], { encoding: "utf8" });
  expect(status).toBe(0);
  const peakBytes = Number(stdout.trim());
  // An empty process uses some megabytes: a value near zero would mean that nothing was measured.
  expect(peakBytes).toBeGreaterThan(4e6);
  expect(peakBytes).toBeLessThan(200e6);
});
