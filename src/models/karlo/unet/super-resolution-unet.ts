import { sameShape } from "../../../ops/check.js";
import { cast, concatChannels } from "../../../ops/layout.js";
import { ShapeError } from "../../../ops/shape-error.js";
import { stepRow, type PassTimes, type StepInputs, type StepRows } from "../../../ops/step-inputs.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Weights } from "../../../weights/store.js";
import type { SuperResolutionOptions } from "../config/super-resolution-config.js";
import { TimeEmbedding } from "../../diffusers/time-embedding.js";
import { SelfAttention } from "../../diffusers/unet/self-attention.js";
import { UnetTrunk } from "../../diffusers/unet/trunk.js";

const NAME = "SuperResolutionUnet";

/** The inputs of a run that are the same in every pass, except the timestep. */
export interface SuperResolutionRun {
  readonly times: PassTimes;
  /** The smaller image, already enlarged: `[B, H, W, channelsIn - channelsOut]`. */
  readonly lowres: Tensor;
}

/** A run of a super-resolution U-Net, ready for its first pass. */
export interface PreparedSuperResolution {
  /** What residual blocks get of the time. */
  readonly modulations: StepRows;
  /** In the arena's dtype. */
  readonly lowres: Tensor;
}

/**
 * A super-resolution U-Net of Karlo (`UNet2DModel` of diffusers): from a noisy image, a smaller image and the timestep to the
 * predicted noise.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/models/unets/unet_2d.py#L249-L355
 */
export class SuperResolutionUnet {
  readonly #time: TimeEmbedding;
  readonly #trunk: UnetTrunk<undefined>;

  /** Declares the weights. */
  constructor(
    weights: Weights,
    readonly options: SuperResolutionOptions,
  ) {
    const { widths, timeDim, timeFeatures, attention, eps } = options;
    const time = { features: widths[0]!, hidden: timeDim, outputs: timeDim, sinusoids: timeFeatures };
    this.#time = new TimeEmbedding(weights.at("time_embedding"), time);
    const middle = attention && { ...attention, width: widths.at(-1)!, eps };
    this.#trunk = new UnetTrunk<undefined>(weights, options, {
      down: [],
      middle: middle && ((place) => new SelfAttention(place, middle)),
      up: [],
    });
  }

  /** Uploads what all passes of a run share. `inputs` owns the result. Throws `ShapeError` for an image that does not fit. */
  prepare(inputs: StepInputs, { times, lowres }: SuperResolutionRun): PreparedSuperResolution {
    const { channelsIn, channelsOut } = this.options;
    if (lowres.shape.length !== 4 || lowres.channels !== channelsIn - channelsOut) {
      const expected = ["batch", "height", "width", channelsIn - channelsOut];
      throw new ShapeError(`${NAME}.prepare`, "lowres", lowres.shape, expected);
    }
    const { arena } = inputs;
    const rows = this.#time.prepare(inputs, times);
    const samples = rows.rows.shape[1]!;
    return inputs.hold(() => ({
      modulations: this.#trunk.modulations(inputs, rows, samples, (each) => this.#time.forward(each, "silu")),
      lowres: cast(arena.share(lowres), arena.dtype),
    }));
  }

  /** The prediction in the current pass for `x` `[B, H, W, channelsOut]`, with the sizes of the smaller image: f32. */
  forward(x: Tensor, { modulations, lowres }: PreparedSuperResolution): Tensor {
    const { arena } = x;
    const [batch, ...sides] = lowres.shape as [number, number, number, number];
    this.#trunk.check(`${NAME}.forward`, x, batch, this.options.channelsOut);
    if (!sameShape(x.shape.slice(1, 3), sides.slice(0, 2))) {
      throw new ShapeError(`${NAME}.forward`, "x", x.shape, [batch, ...sides.slice(0, 2), x.channels]);
    }
    return arena.scope(() => {
      const image = concatChannels([cast(x, arena.dtype), lowres]);
      return cast(
        this.#trunk.forward(image, { modulations: stepRow(modulations, batch), conditions: undefined }),
        "f32",
      );
    });
  }
}
