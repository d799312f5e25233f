import { availableParallelism, cpus, loadavg } from "node:os";
import type { GpuDevice } from "../../gpu/device.js";
import { DalleModelManager } from "../../pipeline/manager/model-manager.js";
import { BasicInference } from "../../pipeline/scripts/basic-inference.js";
import { runtime } from "../../platform/node-runtime.js";
import { Arena } from "../../tensor/arena.js";
import { bytesPerElement, type ComputeType } from "../../tensor/dtype.js";
import { PACKAGE_VERSION } from "../../platform/package-version.js";
import { BENCH_OPERATIONS, prepareOperation, type BenchOperation } from "./operations.js";
import { measurePeak, type Peak } from "./peaks.js";
import type { BenchReport, BenchResult } from "./report.js";
import { processClock, timeOf, type Time } from "./timing.js";

export interface BenchRun {
  /** Seconds to measure for, about. Compiling kernels and loading weights come on top. */
  readonly seconds: number;
  readonly dtypes: readonly ComputeType[];
  /** Only measurements whose name contains this. */
  readonly only?: string | undefined;
  readonly signal: AbortSignal;
  readonly onResult: (result: BenchResult) => void;
}

/** Share of the time that operations get; the rest is for the steps of a model. */
const OPERATIONS_SHARE = 0.6;

/** Measures peaks, operations and a sampling step on a device. */
export async function runBench(gpu: GpuDevice, run: BenchRun): Promise<BenchReport> {
  const results: BenchResult[] = [];
  const peaks: Peak[] = [];
  const add = (result: BenchResult): void => {
    results.push(result);
    run.onResult(result);
  };
  for (const dtype of run.dtypes) await measureOperations(gpu, dtype, run, peaks, add);
  for (const dtype of run.dtypes) {
    if (isWanted(STEP, run)) add({ name: STEP, dtype, ...(await timeStep(gpu, dtype, run.signal)) });
  }
  return {
    version: PACKAGE_VERSION,
    date: new Date().toISOString().slice(0, 10),
    adapter: gpu.adapter,
    table: gpu.tuning.id,
    platform: `${process.platform} ${process.arch}`,
    runtime: `${runtime.name} ${runtime.version}`,
    processor: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    load: loadavg()[0]!,
    results,
  };
}

const isWanted = (name: string, { only = "" }: BenchRun): boolean => name.includes(only);

async function measureOperations(
  gpu: GpuDevice,
  dtype: ComputeType,
  run: BenchRun,
  peaks: Peak[],
  add: (result: BenchResult) => void,
): Promise<void> {
  using stream = gpu.stream();
  const arena = new Arena(stream, dtype);
  const operations = BENCH_OPERATIONS.filter(({ name }) => isWanted(name, run));
  if (operations.length === 0) return;
  // Two more for the peaks.
  const budget = (1000 * run.seconds * OPERATIONS_SHARE) / run.dtypes.length / (operations.length + 2);
  const peak = await measurePeak(stream, dtype, budget);
  peaks.push(peak);
  add({ name: "peak of multiply-adds", dtype, ...peak.multiplyAdd, gflops: rate(peak.flops, peak.multiplyAdd.wall) });
  add({ name: "peak of copies", dtype, ...peak.copy, gbytes: rate(peak.bytes, peak.copy.wall) });
  // The time of software adapters is that of processors, which other programs use, too.
  const kind = gpu.adapter.isSoftware ? "cpu" : "wall";
  for (const operation of operations) {
    run.signal.throwIfAborted();
    using prepared = await prepareOperation(arena, operation);
    const time = await timeOf(
      stream,
      () => {
        prepared.encode();
      },
      budget,
    );
    add({ name: operation.name, dtype, ...time, ...ratesOf(operation, dtype, time, kind, peaks) });
  }
}

/** 10^9 per second. */
const rate = (work: number, milliseconds: number): number => work / milliseconds / 1e6;

/** Kernels may compute in f32 if they store f16, so the peak is that of the faster dtype. */
function ratesOf(
  { work }: BenchOperation,
  dtype: ComputeType,
  time: Time,
  kind: keyof Time,
  peaks: readonly Peak[],
): Pick<BenchResult, "gflops" | "gbytes" | "share"> {
  if ("flops" in work) {
    const peak = Math.max(...peaks.map(({ flops, multiplyAdd }) => rate(flops, multiplyAdd[kind])));
    return { gflops: rate(work.flops, time.wall), share: rate(work.flops, time[kind]) / peak };
  }
  const bytes = (work.f32Bytes / bytesPerElement("f32")) * bytesPerElement(dtype);
  const peak = Math.max(...peaks.map((one) => rate(one.bytes, one.copy[kind])));
  return { gbytes: rate(bytes, time.wall), share: rate(bytes, time[kind]) / peak };
}

const STEP = "sampling step with guidance, Shapes U-Net 1";
/** Steps of a short and of a long run. What the long one takes longer is the time of steps alone. */
const SHORT = 8;
const LONG = 40;

/** The time of a sampling step, as images are generated. */
async function timeStep(gpu: GpuDevice, dtype: ComputeType, signal: AbortSignal): Promise<Time> {
  using manager = await DalleModelManager.create("shapes", { gpu, dtype, signal });
  const script = new BasicInference(manager);
  const generate = async (steps: number): Promise<Time> => {
    const [wall, cpu] = [processClock.wall(), processClock.cpu()];
    await script.run("a red circle", { seed: 1, priorSteps: 2, decoderSteps: [steps, 1], signal });
    return { wall: processClock.wall() - wall, cpu: processClock.cpu() - cpu };
  };
  await generate(2);
  const [short, long] = [await generate(SHORT), await generate(LONG)];
  const perStep = (kind: keyof Time): number => Math.max(0, (long[kind] - short[kind]) / (LONG - SHORT));
  return { wall: perStep("wall"), cpu: perStep("cpu") };
}
