import { InternalError } from "../platform/internal-error.js";
import type { Arena } from "../tensor/arena.js";
import type { Tensor } from "../tensor/tensor.js";

/** Where sampling takes its noise from, in the reference's order, unused draws included. A `Generator` is one. */
export interface NoiseSource {
  /** Standard normal values for a tensor of this shape in torch's axis order: `[B, D]`, or `[B, C, H, W]` for images. */
  randn(shape: readonly number[]): Float32Array;
  /** Remembers where it is: the function that it gives goes back there. Needed where a stage is computed once more. */
  mark?(): () => void;
}

/**
 * One generator per picture: picture i gets the noise that it would get alone, with batch 1, whatever its company. The
 * rows of a batch belong to the pictures in equal consecutive parts (a prior has several candidates per picture).
 */
export class NoisePerPicture implements NoiseSource {
  constructor(private readonly sources: readonly NoiseSource[]) {}

  randn([batch = 0, ...rest]: readonly number[]): Float32Array {
    const share = batch / this.sources.length;
    if (!Number.isInteger(share)) {
      throw new InternalError(`A batch of ${batch} cannot be shared equally by ${this.sources.length} generators.`);
    }
    const size = share * sizeOf(rest);
    const values = new Float32Array(batch * sizeOf(rest));
    for (const [picture, source] of this.sources.entries()) values.set(source.randn([share, ...rest]), picture * size);
    return values;
  }

  mark(): () => void {
    const marks = this.sources.map((source) => source.mark?.());
    return () => {
      for (const rewind of marks) rewind?.();
    };
  }
}

/**
 * The noise of the pictures `start` to `end` in a batch of `pictures` that are computed in parts: it draws for the whole
 * batch and gives their rows, so that pictures do not depend on the parts.
 */
export class NoiseOfPart implements NoiseSource {
  constructor(
    private readonly source: NoiseSource,
    private readonly pictures: number,
    private readonly start: number,
    private readonly end: number,
  ) {}

  randn([batch = 0, ...rest]: readonly number[]): Float32Array {
    const share = batch / (this.end - this.start);
    if (!Number.isInteger(share)) {
      throw new InternalError(`A batch of ${batch} is no multiple of ${this.end - this.start} pictures.`);
    }
    const size = share * sizeOf(rest);
    return this.source.randn([share * this.pictures, ...rest]).slice(this.start * size, this.end * size);
  }

  mark(): () => void {
    const rewind = this.source.mark?.();
    return () => rewind?.();
  }
}

/** Noise that was recorded elsewhere, one array for each draw: tells a difference of samplers from one of generators. */
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

/** No noise at all, to walk through a sampler without consuming anything. */
export const silence: NoiseSource = { randn: (shape) => new Float32Array(sizeOf(shape)) };

/** The draws of one sampling loop, as f32 tensors of its state's shape: `[B, D]` or NHWC. */
export class StateNoise {
  constructor(
    private readonly arena: Arena,
    private readonly source: NoiseSource,
    private readonly shape: readonly number[],
  ) {}

  draw(): Tensor {
    const { arena, shape } = this;
    if (shape.length !== 4) return arena.from(this.source.randn(shape), shape, "f32");
    const [batch, height, width, channels] = shape as [number, number, number, number];
    const nchw = [batch, channels, height, width] as const;
    return arena.fromNchw(this.source.randn(nchw), nchw, "f32");
  }

  /** Draws what the reference multiplies by zero: the generator moves on, nothing is uploaded. */
  skip(): void {
    const [batch = 0, ...rest] = this.shape;
    this.source.randn(rest.length === 3 ? [batch, rest[2]!, rest[0]!, rest[1]!] : this.shape);
  }
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
