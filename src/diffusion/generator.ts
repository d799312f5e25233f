import { ArgumentError } from "../platform/arguments.js";
import { Mt19937 } from "./mt19937.js";

// torch transforms whole blocks. If the count is not a multiple of 16, it draws the last 16 values again.
const BLOCK = 16;
const HALF = BLOCK / 2;
const TWO_PI_F32 = Math.fround(2 * Math.PI);

/**
 * The random numbers of torch's CPU generator. After `new Generator(s)`, the methods return what `torch.randn` and
 * `torch.rand` return for float32 after `torch.manual_seed(s)`, call by call, up to the last digits
 * (aten/src/ATen/core/DistributionsHelper.h and native/cpu/DistributionTemplates.h, torch 1.13). As in torch, only the
 * low 32 bits of a seed are used.
 * @see https://github.com/pytorch/pytorch/blob/003dc3e14b5f200fdeff33edf90016b833087e87/aten/src/ATen/native/cpu/DistributionTemplates.h#L137-L196
 */
export class Generator {
  /** The seed; its low 32 bits if it was given as bigint. */
  readonly seed: number;
  private readonly twister: Mt19937;
  /** Box-Muller gives two values. A call for fewer than 16 values keeps an unused one for the next short call. */
  private spare: number | null = null;

  /** Throws `ArgumentError` for a number that is not a safe integer. Pass larger seeds as bigint. */
  constructor(seed: number | bigint) {
    if (typeof seed === "number" && !Number.isSafeInteger(seed)) {
      throw new ArgumentError("seed", `seed must be an integer between -2^53 and 2^53, got ${seed}`, {
        advice: "Pass larger seeds as bigint.",
      });
    }
    const low = Number(BigInt.asUintN(32, BigInt(seed)));
    this.seed = typeof seed === "number" ? seed : low;
    this.twister = new Mt19937(low);
  }

  /** Returns a copy that will return the same numbers as this generator. */
  fork(): Generator {
    const copy = new Generator(this.seed);
    copy.continueFrom(this);
    return copy;
  }

  /** Continues from the state of `other`. */
  continueFrom(other: Generator): void {
    this.twister.continueFrom(other.twister);
    this.spare = other.spare;
  }

  /** Saves the state. The returned function restores it. */
  mark(): () => void {
    const then = this.fork();
    return () => {
      this.continueFrom(then);
    };
  }

  /** Same as `torch.rand(count)`: uniform in [0, 1). */
  uniform(count: number): Float32Array {
    const values = new Float32Array(count);
    this.fillUniform(values);
    return values;
  }

  /** Same as `torch.randn(count)`: standard normal. */
  normal(count: number): Float32Array {
    return count < BLOCK ? this.fewNormals(count) : this.manyNormals(count);
  }

  /** Same as `torch.randn(size)` for a count or a shape; row major. */
  randn(size: number | readonly number[]): Float32Array {
    return this.normal(typeof size === "number" ? size : size.reduce((product, extent) => product * extent, 1));
  }

  /** Draws `randn(size)` without computing it. */
  skip(size: number | readonly number[]): void {
    const count = typeof size === "number" ? size : size.reduce((product, extent) => product * extent, 1);
    if (count < BLOCK) this.fewNormals(count);
    else this.twister.skip(count % BLOCK === 0 ? count : count + BLOCK);
  }

  private fillUniform(values: Float32Array): void {
    for (let i = 0; i < values.length; i++) values[i] = (this.twister.next() & 0xffffff) / 2 ** 24;
  }

  private manyNormals(count: number): Float32Array {
    const values = this.uniform(count);
    for (let start = 0; start + BLOCK <= count; start += BLOCK) {
      boxMullerBlock(values, start);
    }
    if (count % BLOCK !== 0) {
      const last = values.subarray(count - BLOCK);
      this.fillUniform(last);
      boxMullerBlock(last, 0);
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

  /** Uniform in [0, 1) with 53 bits. The first of two draws gives the high bits. */
  private nextDouble(): number {
    const high = this.twister.next() & 0x1fffff;
    return (high * 2 ** 32 + this.twister.next()) / 2 ** 53;
  }
}

/**
 * Turns 16 uniform values from `start` on into normal ones, in place. Values i and i + 8 are a pair. Angles are rounded to float32, as
 * in torch.
 */
function boxMullerBlock(values: Float32Array, start: number): void {
  for (let i = start; i < start + HALF; i++) {
    const radius = Math.sqrt(-2 * Math.log(1 - values[i]!));
    const angle = Math.fround(TWO_PI_F32 * values[i + HALF]!);
    values[i] = radius * Math.cos(angle);
    values[i + HALF] = radius * Math.sin(angle);
  }
}
