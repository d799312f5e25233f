import { InternalError } from "../platform/internal-error.js";
import type { Arena } from "../tensor/arena.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Pass } from "./passes.js";

/** Where sampling takes its noise from, in the reference's order, unused draws included. A `Generator` is one. */
export interface NoiseSource {
  /** Standard normal values for a tensor of this shape in torch's axis order: `[B, D]`, or `[B, C, H, W]` for images. */
  randn(shape: readonly number[]): Float32Array;
  /** Remembers where it is: the function that it gives goes back there. Needed where a stage is computed once more. */
  mark?(): () => void;
}

/**
 * One generator per image: image i gets the noise that it would get alone, with batch 1, whatever its company. The
 * rows of a batch belong to the images in equal consecutive parts (a prior has several candidates per image).
 */
export class NoisePerImage implements NoiseSource {
  constructor(private readonly sources: readonly NoiseSource[]) {}

  randn([batch = 0, ...rest]: readonly number[]): Float32Array {
    const share = batch / this.sources.length;
    if (!Number.isInteger(share)) {
      throw new InternalError(`A batch of ${batch} cannot be shared equally by ${this.sources.length} generators.`);
    }
    const size = share * sizeOf(rest);
    const values = new Float32Array(batch * sizeOf(rest));
    for (const [image, source] of this.sources.entries()) values.set(source.randn([share, ...rest]), image * size);
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
 * The noise of the images `start` to `end` in a batch of `images` that are computed in parts: it draws for the whole
 * batch and gives their rows, so that images do not depend on the parts.
 */
export class NoiseOfPart implements NoiseSource {
  constructor(
    private readonly source: NoiseSource,
    private readonly images: number,
    private readonly start: number,
    private readonly end: number,
  ) {}

  randn([batch = 0, ...rest]: readonly number[]): Float32Array {
    const share = batch / (this.end - this.start);
    if (!Number.isInteger(share)) {
      throw new InternalError(`A batch of ${batch} is no multiple of ${this.end - this.start} images.`);
    }
    const size = share * sizeOf(rest);
    return this.source.randn([share * this.images, ...rest]).slice(this.start * size, this.end * size);
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

/** The draws of one sampling loop, as f32 tensors of its state's shape: `[B, D]` or NHWC. A dry run draws nothing. */
export class StateNoise {
  constructor(
    readonly arena: Arena,
    private readonly source: NoiseSource,
    readonly shape: readonly number[],
  ) {}

  /** A draw as a tensor of its own. */
  draw(): Tensor {
    const noise = this.arena.empty(this.shape, "f32");
    this.drawInto(noise);
    return noise;
  }

  /** A draw in the place of the one before. */
  drawInto(place: Tensor): void {
    const { arena, shape } = this;
    if (arena.stream.isDryRun) return;
    if (shape.length !== 4) arena.upload(place, this.source.randn(shape));
    else arena.uploadNchw(place, this.source.randn(nchwOf(shape)));
  }

  /** Draws what the reference multiplies by zero: the generator moves on, nothing is uploaded. */
  skip(): void {
    if (this.arena.stream.isDryRun) return;
    this.source.randn(this.shape.length === 4 ? nchwOf(this.shape) : this.shape);
  }
}

/** The noise of a pass, each in a place of its own that is the same in every pass. */
interface DrawnNoise {
  /** For what is known when inpainting. */
  readonly known: Tensor | undefined;
  /** That the step adds. */
  readonly step: Tensor | undefined;
  /** For going back in time. */
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

/** Torch's order of axes for NHWC. */
function nchwOf(shape: readonly number[]): readonly [number, number, number, number] {
  const [batch, height, width, channels] = shape as [number, number, number, number];
  return [batch, channels, height, width];
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
