import { InternalError } from "../platform/internal-error.js";
import type { Arena } from "../tensor/arena.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Pass } from "./passes.js";

/**
 * Source of the noise for sampling. Draws are in the order of the reference, including unused ones. A `Generator` is
 * one.
 */
export interface NoiseSource {
  /**
   * Returns standard normal values for a tensor of this shape, in torch's order of axes: `[B, D]`, or `[B, C, H, W]`
   * for images. With `halves` 2 the first half of the batch has rows for all images, and so has the second. Default 1.
   */
  randn(shape: readonly number[], halves?: number): Float32Array;
  /**
   * The same for a tensor in which all images of one input have the same noise: the reference draws it once for each input, before it
   * repeats these. Images with generators of their own have their own. Default: `randn`.
   */
  randnOfInputs?(shape: readonly number[]): Float32Array;
  /** Draws the same without returning it. Default: `randn`. */
  skip?(shape: readonly number[], halves?: number): void;
  /** Saves the state. The returned function restores it. Needed to repeat a stage after a failure. */
  mark?(): () => void;
}

/**
 * One generator for each image. Image i gets the same noise as in a batch of its own. The rows of a batch
 * (or of each of its halves) are divided into equal consecutive parts, one for each image (a prior has several candidates for
 * each image).
 */
export class NoisePerImage implements NoiseSource {
  constructor(private readonly sources: readonly NoiseSource[]) {}

  randn([batch = 0, ...rest]: readonly number[], halves = 1): Float32Array {
    const images = this.sources.length;
    const share = batch / images;
    if (!Number.isInteger(share / halves)) {
      throw new InternalError(`A batch of ${batch} cannot be divided equally among ${images} generators.`);
    }
    const size = (share / halves) * sizeOf(rest);
    const values = new Float32Array(batch * sizeOf(rest));
    for (const [image, source] of this.sources.entries()) {
      const own = source.randn([share, ...rest], halves);
      for (let half = 0; half < halves; half++) {
        values.set(own.subarray(half * size, (half + 1) * size), (half * images + image) * size);
      }
    }
    return values;
  }

  skip([batch = 0, ...rest]: readonly number[], halves = 1): void {
    for (const source of this.sources) skip(source, [batch / this.sources.length, ...rest], halves);
  }

  mark(): () => void {
    const marks = this.sources.map((source) => source.mark?.());
    return () => {
      for (const rewind of marks) rewind?.();
    };
  }
}

/**
 * The noise of the images `start` to `end` of a batch that is computed in parts. It draws for the whole batch of
 * `images` and returns the rows of its part, so that images do not depend on how a batch is divided.
 */
export class NoiseOfPart implements NoiseSource {
  constructor(
    private readonly source: NoiseSource,
    private readonly images: number,
    private readonly start: number,
    private readonly end: number,
    /** For each image of the batch, the number of its input. Default: each has its own. */
    private readonly inputs: readonly number[] = Array.from({ length: images }, (_, i) => i),
  ) {}

  randn([batch = 0, ...rest]: readonly number[], halves = 1): Float32Array {
    const { start, end, images } = this;
    const share = batch / (end - start);
    if (!Number.isInteger(share / halves)) {
      throw new InternalError(`A batch of ${batch} is not a multiple of ${end - start} images.`);
    }
    const size = (share / halves) * sizeOf(rest);
    const all = this.source.randn([share * images, ...rest], halves);
    const values = new Float32Array(batch * sizeOf(rest));
    for (let half = 0; half < halves; half++) {
      const from = half * images;
      values.set(all.subarray((from + start) * size, (from + end) * size), half * (end - start) * size);
    }
    return values;
  }

  randnOfInputs([batch = 0, ...rest]: readonly number[]): Float32Array {
    const distinct = [...new Set(this.inputs)];
    const size = sizeOf(rest);
    const all = this.source.randn([distinct.length, ...rest]);
    const values = new Float32Array(batch * size);
    for (let row = 0; row < batch; row++) {
      const input = distinct.indexOf(this.inputs[this.start + row]!);
      values.set(all.subarray(input * size, (input + 1) * size), row * size);
    }
    return values;
  }

  skip([batch = 0, ...rest]: readonly number[], halves = 1): void {
    skip(this.source, [(batch / (this.end - this.start)) * this.images, ...rest], halves);
  }

  mark(): () => void {
    const rewind = this.source.mark?.();
    return () => rewind?.();
  }
}

/**
 * Recorded noise, one array for each draw. For tests: it shows whether a difference comes from the sampler or from the
 * generator.
 */
export class RecordedNoise implements NoiseSource {
  #next = 0;

  constructor(private readonly draws: readonly Float32Array[]) {}

  randn(shape: readonly number[]): Float32Array {
    const values = this.draws[this.#next];
    if (values?.length !== sizeOf(shape)) {
      const found = values ? `has ${values.length} values` : "was not recorded";
      throw new InternalError(`Draw ${this.#next} ${found}; the sampler asks for [${shape.join(", ")}].`);
    }
    this.#next++;
    return values;
  }

  mark(): () => void {
    const next = this.#next;
    return () => {
      this.#next = next;
    };
  }
}

/**
 * The draws of one sampling loop, as f32 tensors with the shape of its state: `[B, D]` or NHWC; `halves` as for `NoiseSource`. A
 * dry run draws nothing.
 */
export class StateNoise {
  constructor(
    readonly arena: Arena,
    private readonly source: NoiseSource,
    readonly shape: readonly number[],
    private readonly halves = 1,
  ) {}

  /** Draws noise into a new tensor. */
  draw(): Tensor {
    const noise = this.arena.empty(this.shape, "f32");
    this.drawInto(noise);
    return noise;
  }

  /** Draws noise into an existing tensor. */
  drawInto(place: Tensor): void {
    const { arena, shape } = this;
    if (arena.stream.isDryRun) return;
    if (shape.length !== 4) arena.upload(place, this.source.randn(shape, this.halves));
    else arena.uploadNchw(place, this.source.randn(nchwOf(shape), this.halves));
  }

  /** Skips a draw that the reference multiplies by zero: the generator advances, but nothing is uploaded. */
  skip(): void {
    if (this.arena.stream.isDryRun) return;
    skip(this.source, this.shape.length === 4 ? nchwOf(this.shape) : this.shape, this.halves);
  }
}

/** The noise of a pass. Each kind has its own tensor, which is the same in every pass. */
interface DrawnNoise {
  /** For the known part, when inpainting. */
  readonly known: Tensor | undefined;
  /** Added by the step. */
  readonly step: Tensor | undefined;
  /** For going back to the timestep before. */
  readonly back: Tensor | undefined;
}

/** Draws the noise of each pass before it is encoded, in the reference's order. */
export class PassNoise {
  readonly #places = new Map<keyof DrawnNoise, Tensor>();

  /** The caller disposes it. */
  constructor(
    private readonly noise: StateNoise,
    private readonly inpaints: boolean,
  ) {}

  draw({ step, repeats }: Pass): DrawnNoise {
    const known = this.inpaints ? this.#drawTo("known") : undefined;
    if (step.noise === "unused") this.noise.skip();
    const added = step.noise === "added" ? this.#drawTo("step") : undefined;
    return { known, step: added, back: this.inpaints && repeats ? this.#drawTo("back") : undefined };
  }

  #drawTo(name: keyof DrawnNoise): Tensor {
    const { arena, shape } = this.noise;
    const place = this.#places.get(name) ?? arena.detached(shape, "f32");
    this.#places.set(name, place);
    this.noise.drawInto(place);
    return place;
  }

  dispose(): void {
    for (const place of this.#places.values()) place.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

function skip(source: NoiseSource, shape: readonly number[], halves: number): void {
  if (source.skip) source.skip(shape, halves);
  else source.randn(shape, halves);
}

/** Returns the shape in torch's order of axes. */
function nchwOf(shape: readonly number[]): readonly [number, number, number, number] {
  const [batch, height, width, channels] = shape as [number, number, number, number];
  return [batch, channels, height, width];
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
