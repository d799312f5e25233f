import { foldedGrid } from "../../gpu/grid.js";
import { kernels, libs } from "../../gpu/kernel-sources.js";
import { loadKernels } from "../../gpu/later-kernels.js";
import type { CommandStream } from "../../gpu/stream.js";
import { Arena } from "../../tensor/arena.js";
import { bytesPerElement, type ComputeType } from "../../tensor/dtype.js";
import { timeOf, type Time } from "./timing.js";

/** The most that an adapter can do, as kernels can ask for it. */
export interface Peak {
  /** Multiplications and additions of one run. */
  readonly flops: number;
  readonly multiplyAdd: Time;
  /** Bytes read and written by one run. */
  readonly bytes: number;
  readonly copy: Time;
}

/** Half of it fits the caches of no GPU. */
const COPY_BYTES = 2 ** 25;
/** Enough invocations to fill a large GPU. */
const INVOCATIONS = { software: 2 ** 12, gpu: 2 ** 18 } as const;
const PASSES = 256;

/** Measures multiply-adds in registers and copies in memory, each for about `budget` milliseconds. */
export async function measurePeak(stream: CommandStream, dtype: ComputeType, budget: number): Promise<Peak> {
  await loadKernels("peaks");
  const arena = new Arena(stream, dtype);
  const invocations = stream.adapter.isSoftware ? INVOCATIONS.software : INVOCATIONS.gpu;
  const elements = Math.min(COPY_BYTES, stream.maxBindingSize) / bytesPerElement(dtype);
  using x = arena.detached([elements]);
  using y = arena.detached([elements]);
  stream.clear(x.storage);
  const options = { types: { Element: dtype }, bindings: { x: x.storage, y: y.storage } };
  const multiplyAdd = await timeOf(
    stream,
    () => {
      const params = { invocations, passes: PASSES };
      stream.dispatch("peakMultiplyAdd", { ...options, params, grid: gridOf(invocations) });
    },
    budget,
  );
  const vectors = elements / 4;
  const copy = await timeOf(
    stream,
    () => {
      stream.dispatch("peakCopy", { ...options, params: { invocations: vectors }, grid: gridOf(vectors) });
    },
    budget,
  );
  return {
    flops: invocations * PASSES * kernels.peakMultiplyAdd.fixed.OPERATIONS,
    multiplyAdd,
    bytes: 2 * elements * bytesPerElement(dtype),
    copy,
  };
}

const gridOf = (invocations: number) => foldedGrid(Math.ceil(invocations / libs.invocation.WORKGROUP));
