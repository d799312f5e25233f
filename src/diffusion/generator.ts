import { ArgumentError } from "../platform/arguments.js";
import { Mt19937 } from "./mt19937.js";

// torch transforms whole blocks at once and draws the last 16 values anew where the count is no multiple of 16.
const BLOCK = 16;
const HALF = BLOCK / 2;
const TWO_PI_F32 = Math.fround(2 * Math.PI);

/**
 * The random numbers of torch's CPU generator: after `new Generator(s)` the calls give what `torch.randn` and `torch.rand`
 * give for float32 after `torch.manual_seed(s)`, call by call, to the last digits (aten/src/ATen/core/DistributionsHelper.h
 * and native/cpu/DistributionTemplates.h, torch 1.13). Only the low 32 bits of a seed count, as there.
 * @see https://github.com/pytorch/pytorch/blob/003dc3e14b5f200fdeff33edf90016b833087e87/aten/src/ATen/native/cpu/DistributionTemplates.h#L137-L196
 */
export class Generator {
  /** What it began with: the low 32 bits where the seed was given as bigint. */
  readonly seed: number;
  private readonly engine: Mt19937;
  /** Box-Muller makes two values; a call for fewer than 16 keeps one that is left over for the next such call. */
  private spare: number | null = null;

  /** Throws `ArgumentError` for a number that is no safe integer; larger seeds are given as bigint. */
  constructor(seed: number | bigint) {
    if (typeof seed === "number" && !Number.isSafeInteger(seed)) {
      throw new ArgumentError("seed", `seed must be an integer within ±2^53, not ${seed}`, {
        advice: "give larger ones as bigint",
      });
    }
    const low = Number(BigInt.asUintN(32, BigInt(seed)));
    this.seed = typeof seed === "number" ? seed : low;
    this.engine = new Mt19937(low);
  }

  /** A generator that gives what this one will give. */
  fork(): Generator {
    const copy = new Generator(this.seed);
    copy.continueFrom(this);
    return copy;
  }

  /** Goes on where `other` is. */
  continueFrom(other: Generator): void {
    this.engine.continueFrom(other.engine);
    this.spare = other.spare;
  }

  /** Remembers where it is: the function that it gives goes back there. */
  mark(): () => void {
    const then = this.fork();
    return () => {
      this.continueFrom(then);
    };
  }

  /** `torch.rand(count)`: uniform in [0, 1). */
  uniform(count: number): Float32Array {
    const values = new Float32Array(count);
    this.fillUniform(values);
    return values;
  }

  /** `torch.randn(count)`: standard normal. */
  normal(count: number): Float32Array {
    return count < BLOCK ? this.fewNormals(count) : this.manyNormals(count);
  }

  /** `torch.randn(size)` for a count or a shape, row-major. */
  randn(size: number | readonly number[]): Float32Array {
    return this.normal(typeof size === "number" ? size : size.reduce((product, extent) => product * extent, 1));
  }

  private fillUniform(values: Float32Array): void {
    for (let i = 0; i < values.length; i++) values[i] = (this.engine.next() & 0xffffff) / 2 ** 24;
  }

  private manyNormals(count: number): Float32Array {
    const values = this.uniform(count);
    for (let start = 0; start + BLOCK <= count; start += BLOCK) {
      boxMullerBlock(values.subarray(start, start + BLOCK));
    }
    if (count % BLOCK !== 0) {
      const last = values.subarray(count - BLOCK);
      this.fillUniform(last);
      boxMullerBlock(last);
    }
    return values;
  }

  private fewNormals(count: number): Float32Array {
    const values = new Float32Array(count);
    for (let i = 0; i < count; i++) values[i] = this.nextNormal();
    return values;
  }

  private nextNormal(): number {
    if (this.spare !== null) {
      const value = this.spare;
      this.spare = null;
      return value;
    }
    const angle = 2 * Math.PI * this.nextDouble();
    const radius = Math.sqrt(-2 * Math.log1p(-this.nextDouble()));
    this.spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  /** Uniform in [0, 1) with 53 bits, the high ones from the first of two draws. */
  private nextDouble(): number {
    const high = this.engine.next() & 0x1fffff;
    return (high * 2 ** 32 + this.engine.next()) / 2 ** 53;
  }
}

/** Turns 16 uniform values into normal ones in place, each of the first 8 with the one 8 places on; angles as float32, as torch has them. */
function boxMullerBlock(values: Float32Array): void {
  for (let i = 0; i < HALF; i++) {
    const radius = Math.sqrt(-2 * Math.log(1 - values[i]!));
    const angle = Math.fround(TWO_PI_F32 * values[i + HALF]!);
    values[i] = radius * Math.cos(angle);
    values[i + HALF] = radius * Math.sin(angle);
  }
}
