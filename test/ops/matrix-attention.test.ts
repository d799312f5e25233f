import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { MatrixSize } from "../../src/gpu/adapter.js";
import { GpuDevice } from "../../src/gpu/device.js";
import { openGpu } from "../../src/gpu/open.js";
import { portableTable } from "../../src/gpu/tuning.js";
import { attention } from "../../src/ops/attention.js";
import { Arena } from "../../src/tensor/arena.js";
import type { ComputeType } from "../../src/tensor/dtype.js";
import { attend, type AttentionShape } from "../support/attention-case.js";
import { expectClose, Random } from "../support/gpu.js";
import { loadKernels } from "../../src/gpu/later-kernels.js";
import { emulateMatrixUnits } from "../support/matrix-units.js";
import * as oracle from "../support/oracle-attention.js";
import { rounded } from "../support/rounded.js";

// Relative to the largest value. The result is rounded, and so is each weight: both by 2^-11 (4.9e-4) at most.
const TOLERANCE = 1e-3;

const real = await openGpu();
afterAll(() => {
  real.dispose();
});
const { f16, subgroups, subgroupMatrix } = real.features;
const { isSoftware, matrix: ownMatrix } = real.adapter;
/** Mesa's software driver has them since 26.1. Older ones take minutes to compile the kernel without them. */
const canRun = f16 && subgroups && subgroupMatrix && ownMatrix !== undefined;

interface Variant {
  readonly by: "matrix units" | "invocations";
  readonly matrix: MatrixSize;
  readonly tile: readonly [rows: number, keys: number];
}
const byUnits = (
  [
    [32, 16],
    [64, 32],
  ] as const
).map((tile): Variant => ({ by: "matrix units", matrix: ownMatrix ?? { rows: 8, columns: 8, inner: 8 }, tile }));
/**
 * Matrices as GPUs have, whose products are computed by invocations. They have fewer rows, so that a row of scores is shared by 2
 * or 4 of the 8 invocations of a subgroup, as by 32 with matrices of 16 or 8 rows.
 */
const byInvocations: readonly Variant[] = [
  { by: "invocations", matrix: { rows: 4, columns: 16, inner: 16 }, tile: [32, 32] },
  { by: "invocations", matrix: { rows: 2, columns: 8, inner: 16 }, tile: [32, 32] },
];
const variants = [...byUnits, ...(isSoftware ? byInvocations : [])];

const cases: readonly AttentionShape[] = [
  { batch: 1, queries: 1, keys: 1, heads: 1, kvHeads: 1, dimHead: 8 },
  // Edges of the tiles of keys and of rows.
  { batch: 2, queries: 31, keys: 15, heads: 2, kvHeads: 2, dimHead: 16, nullKv: true, mask: true },
  { batch: 1, queries: 33, keys: 65, heads: 2, kvHeads: 1, dimHead: 64, bias: true },
  // Heads that are no whole matrices.
  { batch: 1, queries: 17, keys: 33, heads: 3, kvHeads: 3, dimHead: 24, nullKv: true, bias: true },
  { batch: 2, queries: 9, keys: 20, heads: 6, kvHeads: 2, dimHead: 40, mask: true },
  { batch: 2, queries: 37, keys: 37, heads: 3, kvHeads: 1, dimHead: 32, causal: true, nullKv: true, bias: true },
  // The last tokens of a sequence.
  { batch: 2, queries: 4, keys: 81, heads: 3, kvHeads: 1, dimHead: 32, causal: true, nullKv: true, bias: true },
  { batch: 1, queries: 70, keys: 130, heads: 2, kvHeads: 2, dimHead: 64, causal: true, mask: true },
];

describe.skipIf(!canRun).each(variants)(
  "attention by $by, matrices of $matrix, tiles of $tile",
  ({ by, matrix, tile }) => {
    let gpu: GpuDevice;
    beforeAll(async () => {
      await (by === "invocations" ? emulateMatrixUnits() : loadKernels("matrix"));
      const tuning = { ...portableTable, attention: [{ kernel: "matrix", tile } as const] };
      const features = { ...real.features, subgroupMatrix: true };
      gpu = new GpuDevice(real.device as GPUDevice, { ...real.adapter, matrix }, features, { tuning });
    });

    /** Runs `body`, and returns the kernels of attention that computed it. */
    async function kernelsOf(body: (arena: Arena) => Promise<void>, dtype: ComputeType = "f16"): Promise<string[]> {
      const kernels: string[] = [];
      using stream = gpu.stream({
        onCommand: (command) => {
          if (command.kind === "dispatch") kernels.push(/^\w+/.exec(command.key)![0]);
        },
      });
      const arena = new Arena(stream, dtype, { guards: true });
      await body(arena);
      await arena.checkGuards();
      return kernels;
    }

    const random = new Random(12);
    const isClose = { maxRelative: TOLERANCE };

    it.each(cases)("%j", async (shape) => {
      const kernels = await kernelsOf(async (arena) => {
        const { y, expected } = attend(arena, random, shape);
        expectClose(await y.read(), expected, isClose);
      });
      expect(kernels).toEqual(["matrixAttention"]);
    });

    // Results are scaled where the largest score rises much, in the tile where it does; where it rises less, weights are above 1.
    it.each([0.5, 3])("scores that rise by %d from key to key", async (slope) => {
      const [length, channels] = [70, 16];
      const queries = rounded(
        random.normals(length * channels).map((value) => 1 + value / 8),
        "f16",
      );
      const keys = rounded(
        random.normals(length * channels, 0.3).map((value, i) => value + (slope / 8) * Math.floor(i / channels)),
        "f16",
      );
      const shared = { batch: 1, heads: 2, kvHeads: 2, dimHead: 8, scale: 1, causal: false };
      const of = (values: Float32Array) => ({ values, length, channels, offset: 0 });
      const values = rounded(random.normals(length * channels), "f16");
      const kernels = await kernelsOf(async (arena) => {
        const [q, k, v] = [queries, keys, values].map((one) => arena.from(one, [1, length, channels]));
        const y = attention({ ...shared, q: q!, k: k!, v: v! });
        expectClose(
          await y.read(),
          oracle.attention({ ...shared, q: of(queries), k: of(keys), v: of(values) }),
          isClose,
        );
      });
      expect(kernels).toEqual(["matrixAttention"]);
    });

    it("a query that sees no key gets zeros, and one that sees NaN gets NaN", async () => {
      const [length, channels] = [70, 8];
      const values = rounded(random.normals(2 * length * channels), "f16");
      values.fill(NaN, (length + 69) * channels, (length + 70) * channels);
      const keyMask = Uint32Array.from({ length: 2 * length }, (_, i) => Number(i >= length && i % length > 64));
      await kernelsOf(async (arena) => {
        const tokens = arena.from(values, [2, length, channels]);
        const mask = arena.from(keyMask, [2, length], "u32");
        const shared = { q: tokens, k: tokens, v: tokens, heads: 1, kvHeads: 1, dimHead: channels, scale: 1 };
        const y = await attention({ ...shared, keyMask: mask }).read();
        expect(y.subarray(0, length * channels).every((value) => value === 0)).toBe(true);
        expect(y.subarray(length * channels).every(Number.isNaN)).toBe(true);
      });
    });

    it.each([
      ["heads that are no whole units", { dimHead: 12 }, "f16"],
      ["heads that begin within a unit", { dimHead: 8, offset: 4 }, "f16"],
      ["heads of more than 8 matrices", { dimHead: 8 * Math.min(matrix.columns, matrix.inner) + 8 }, "f16"],
      ["numbers in f32", { dimHead: 8 }, "f32"],
    ] as const)("leaves %s to another kernel", async (_, change, dtype) => {
      const shape = { batch: 1, queries: 3, keys: 5, heads: 1, kvHeads: 1, ...change };
      const kernels = await kernelsOf(async (arena) => {
        const { y, expected } = attend(arena, random, shape);
        expectClose(await y.read(), expected, isClose);
      }, dtype);
      expect(kernels).toEqual(["attention"]);
    });
  },
);
