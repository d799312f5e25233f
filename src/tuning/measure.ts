import { processorTime } from "#platform";
import type { GpuDevice } from "../gpu/device.js";
import type { CommandStream } from "../gpu/stream.js";
import type { TuningTable } from "../gpu/tuning.js";
import { Arena } from "../tensor/arena.js";
import type { ComputeType } from "../tensor/dtype.js";
import type { Prepared, TuningCase } from "./cases.js";

/** A kernel replaces the one in use only if it saves more than this share of the time: measurements vary. */
export const LEAST_GAIN = 0.03;

/** Several operations with the kernels that a table chooses for them. */
export class Trial implements Disposable {
  private constructor(
    private readonly measurements: readonly Measurement[],
    private readonly dtype: ComputeType,
  ) {}

  /** Runs each operation once. Rejects if a kernel does not run. */
  static async start(gpu: GpuDevice, table: TuningTable, cases: readonly TuningCase[]): Promise<Trial> {
    // As models compute by default.
    const dtype = gpu.features.f16 && !gpu.adapter.isSoftware ? "f16" : "f32";
    const measurements: Measurement[] = [];
    const trial = new Trial(measurements, dtype);
    try {
      for (const one of cases) measurements.push(await Measurement.start(gpu, table, one, dtype));
      return trial;
    } catch (error) {
      trial[Symbol.dispose]();
      throw error;
    }
  }

  /** The kernels that were dispatched, with their constants. */
  get kernels(): string {
    return this.measurements.map(({ kernels }) => kernels).join(" ");
  }

  /** Time for all operations, each the shortest that was measured. */
  get milliseconds(): number {
    return this.measurements.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  }

  /** Measures each operation once more. */
  async measure(): Promise<void> {
    for (const measurement of this.measurements) await measurement.measure();
  }

  /** Says which result is not that of other kernels; undefined if all are. */
  problemAgainst(reference: Trial): string | undefined {
    for (const [i, { name, output }] of this.measurements.entries()) {
      const error = largestError(output, reference.measurements[i]!.output);
      const allowed = TOLERANCES[this.dtype];
      if (!(error <= allowed)) return `wrong result of ${name}: error ${error.toExponential(1)}, allowed ${allowed}`;
    }
    return undefined;
  }

  [Symbol.dispose](): void {
    for (const measurement of this.measurements) measurement[Symbol.dispose]();
  }
}

// Sums of some thousand products, in another order: f32 rounds to 1e-6 of the largest, and f16 by 2^-11 of each stored value.
const TOLERANCES = { f32: 1e-4, f16: 2e-3 } as const;

/** The largest difference, relative to the largest expected value. NaN if any value is. */
function largestError(actual: Float32Array, expected: Float32Array): number {
  let [error, largest] = [0, 0];
  for (const [i, value] of expected.entries()) {
    error = Math.max(error, Math.abs(actual[i]! - value));
    largest = Math.max(largest, Math.abs(value));
  }
  return error / largest;
}

/** An operation with the kernel that a table chooses for it, ready to be measured. */
class Measurement implements Disposable {
  readonly #times: number[] = [];
  #repeats = 1;

  private constructor(
    private readonly gpu: GpuDevice,
    private readonly stream: CommandStream,
    private readonly operation: Prepared,
    readonly name: string,
    /** The kernels that were dispatched, with their constants. */
    readonly kernels: string,
    /** The values of the result. */
    readonly output: Float32Array,
  ) {}

  /** Makes the inputs and runs the operation once, which also compiles its kernel. Rejects if the kernel does not run. */
  static async start(
    gpu: GpuDevice,
    tuning: TuningTable,
    { name, prepare }: TuningCase,
    dtype: ComputeType,
  ): Promise<Measurement> {
    const kernels: string[] = [];
    let isOfInputs = true;
    const stream = gpu.stream({
      tuning,
      onCommand: (command) => {
        if (command.kind === "dispatch" && !isOfInputs) kernels.push(command.key);
      },
    });
    try {
      const arena = new Arena(stream, dtype);
      const operation = await prepare(arena);
      isOfInputs = false;
      using result = operation.run();
      const output = await result.read();
      const measurement = new Measurement(gpu, stream, operation, name, kernels.join(" "), output);
      await measurement.#calibrate();
      return measurement;
    } catch (error) {
      stream.close();
      throw error;
    }
  }

  /** A run of a few milliseconds at least is long enough to be measured. */
  async #calibrate(): Promise<void> {
    const once = await this.#time();
    this.#repeats = Math.min(MAX_REPEATS, Math.max(1, Math.ceil(LEAST_MILLISECONDS / Math.max(once, 0.1))));
  }

  /** Measures once more. */
  async measure(): Promise<void> {
    this.#times.push(await this.#time());
  }

  /** The shortest of the measured times, in milliseconds for one run: what else the machine does only makes it longer. */
  get milliseconds(): number {
    return Math.min(...this.#times);
  }

  async #time(): Promise<number> {
    const begin = now(this.gpu);
    for (let i = 0; i < this.#repeats; i++) this.operation.run().dispose();
    await this.stream.sync();
    return (now(this.gpu) - begin) / this.#repeats;
  }

  [Symbol.dispose](): void {
    this.operation.dispose();
    this.stream.close();
  }
}

const LEAST_MILLISECONDS = 16;
const MAX_REPEATS = 32;

/** Processor time where the processor computes, so that other programs do not matter; else wall time. */
function now({ adapter }: GpuDevice): number {
  return (adapter.isSoftware ? processorTime() : undefined) ?? performance.now();
}
