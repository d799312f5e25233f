import { expect } from "vitest";
import { openGpu, type OpenGpuOptions } from "../../src/gpu/open.js";
import type { GpuDevice } from "../../src/gpu/device.js";
import { Arena } from "../../src/tensor/arena.js";
import type { ComputeType } from "../../src/tensor/dtype.js";

let shared: Promise<GpuDevice> | undefined;

/** One device per test file: opening one costs as much as many tests. */
export function sharedGpu(options?: OpenGpuOptions): Promise<GpuDevice> {
  return (shared ??= openGpu(options));
}

/** An arena that checks for writes outside of tensors; call `arena.checkGuards()` at the end of a case. */
export async function openTestArena(dtype: ComputeType = "f32"): Promise<Arena> {
  return new Arena((await sharedGpu()).stream(), dtype, { guards: true });
}

/** Storage types that the adapter of this machine can test. */
export async function testableTypes(): Promise<ComputeType[]> {
  return (await sharedGpu()).features.f16 ? ["f32", "f16"] : ["f32"];
}

/** A seeded generator of random numbers (mulberry32): the same cases in every run. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** Uniform in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** Whole number from `low` to `high`, both included. */
  integer(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  pick<T>(items: readonly T[]): T {
    return items[this.integer(0, items.length - 1)]!;
  }

  /** Normally distributed values. */
  normals(count: number, scale = 1): Float32Array {
    return Float32Array.from({ length: count }, () => {
      const radius = Math.sqrt(-2 * Math.log(1 - this.next()));
      return scale * radius * Math.cos(2 * Math.PI * this.next());
    });
  }
}

export interface Difference {
  /** Largest absolute difference. */
  readonly maxAbs: number;
  /** `maxAbs` relative to the largest expected value. */
  readonly maxRelative: number;
  /** Mean square error relative to the mean square of the expected values. */
  readonly nmse: number;
}

/** Compares two arrays of equal length; not-a-number anywhere makes every figure infinite. */
export function difference(actual: ArrayLike<number>, expected: ArrayLike<number>): Difference {
  if (actual.length !== expected.length) throw new Error(`${actual.length} values, expected ${expected.length}.`);
  let maxAbs = 0;
  let largest = 0;
  let squares = 0;
  let errors = 0;
  for (let i = 0; i < actual.length; i++) {
    const error = Math.abs(actual[i]! - expected[i]!);
    if (!Number.isFinite(error)) return { maxAbs: Infinity, maxRelative: Infinity, nmse: Infinity };
    maxAbs = Math.max(maxAbs, error);
    largest = Math.max(largest, Math.abs(expected[i]!));
    errors += error * error;
    squares += expected[i]! * expected[i]!;
  }
  return { maxAbs, maxRelative: maxAbs / (largest || 1), nmse: errors / (squares || 1) };
}

/** Fails unless both stated bounds hold. */
export function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  bounds: { maxRelative?: number; nmse?: number },
): void {
  const found = difference(actual, expected);
  if (bounds.maxRelative !== undefined) expect(found.maxRelative).toBeLessThanOrEqual(bounds.maxRelative);
  if (bounds.nmse !== undefined) expect(found.nmse).toBeLessThanOrEqual(bounds.nmse);
}

/** Lets the device fail as it does without memory: its next buffer is invalid, and the scope around it reports that. */
export function failNextBuffer(gpu: GpuDevice): void {
  const device = gpu.device as GPUDevice;
  const [createBuffer, popErrorScope] = [device.createBuffer.bind(device), device.popErrorScope.bind(device)];
  device.popErrorScope = async () => {
    device.popErrorScope = popErrorScope;
    await popErrorScope();
    return { message: "simulated" };
  };
  device.createBuffer = (descriptor) => {
    device.createBuffer = createBuffer;
    return createBuffer({ ...descriptor, usage: 0 });
  };
}
