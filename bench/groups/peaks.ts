import { measurePeak } from "../../src/cli/bench/peaks.js";
import type { ComputeType } from "../../src/tensor/dtype.js";
import type { Build } from "../lib/build.js";
import { openSubject } from "../lib/subject.js";

/** What the adapter can do at most, in units of 1e9 a second. */
export interface PeakRow {
  readonly name: string;
  readonly kind: "peak";
  readonly dtype: ComputeType;
  /** GFLOP/s of multiply-adds: by wall time, and by processor time. */
  readonly multiplyAdd: { readonly wall: number; readonly cpu: number };
  /** GB/s read and written. */
  readonly copy: { readonly wall: number; readonly cpu: number };
}

const BUDGET_MS = 1500;

export async function peaksOf(build: Build): Promise<PeakRow[]> {
  const first = await openSubject(build, "f32");
  const rows: PeakRow[] = [];
  for (const dtype of first.features.f16 ? (["f32", "f16"] as const) : (["f32"] as const)) {
    const peak = await measurePeak(first.arena.stream, dtype, BUDGET_MS);
    const rate = (work: number, milliseconds: number) => work / milliseconds / 1e6;
    const { flops, multiplyAdd, bytes, copy } = peak;
    rows.push({
      name: `peak ${dtype}`,
      kind: "peak",
      dtype,
      multiplyAdd: { wall: rate(flops, multiplyAdd.wall), cpu: rate(flops, multiplyAdd.cpu) },
      copy: { wall: rate(bytes, copy.wall), cpu: rate(bytes, copy.cpu) },
    });
    console.log(JSON.stringify(rows.at(-1)));
  }
  return rows;
}
