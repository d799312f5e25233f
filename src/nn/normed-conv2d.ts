import { inModule } from "./in-module.js";
import { conv2d, type ConvOptions } from "../ops/conv.js";
import type { Tensor } from "../tensor/tensor.js";
import type { HostTensor } from "../tensor/host-tensor.js";
import type { Weights } from "../weights/store.js";
import type { Conv2dOptions } from "./conv2d.js";

/** torch's default. */
const EPS = 1e-5;

/**
 * torch's `nn.Conv2d` without bias, followed by `nn.BatchNorm2d` (Ioffe & Szegedy 2015). In inference the norm is a
 * factor and a shift for each channel. Both are folded into the convolution when it is loaded.
 */
export class NormedConv2d {
  readonly #path: string;
  readonly #weight: Tensor;
  readonly #bias: Tensor;
  readonly #options: Pick<Conv2dOptions, "stride" | "padding">;

  constructor(
    conv: Weights,
    norm: Weights,
    [inputs, outputs, kernel]: readonly [inputs: number, outputs: number, kernel: number],
    options: Pick<Conv2dOptions, "stride" | "padding"> = {},
  ) {
    this.#path = conv.path;
    this.#options = options;
    const gain = norm.values("weight", [outputs]);
    const variance = norm.values("running_var", [outputs]);
    const scale = (): Float32Array => gain.data.map((value, c) => value / Math.sqrt(variance.data[c]! + EPS));
    this.#weight = conv.conv("weight", [outputs, inputs, kernel, kernel], { outputScale: scale });
    this.#bias = shiftOf(norm, outputs, scale);
    // Only training reads the number of batches.
    norm.ignore("num_batches_tracked");
  }

  /** NHWC in and out: `activation(norm(x * w)) + residual`. */
  forward(x: Tensor, options: Pick<ConvOptions, "activation" | "residual"> = {}): Tensor {
    const conv = { ...options, ...this.#options, bias: this.#bias };
    return inModule(x.arena, this.#path, () => conv2d(x, this.#weight, conv));
  }
}

/** Returns what the norm adds: bias - mean · scale. */
function shiftOf(norm: Weights, channels: number, scale: () => Float32Array): Tensor {
  const { arena } = norm;
  const bias: HostTensor = norm.values("bias", [channels]);
  const mean: HostTensor = norm.values("running_mean", [channels]);
  const shift = arena.detached([channels], "f32");
  return norm.derived(shift, () => {
    const factors = scale();
    arena.upload(
      shift,
      bias.data.map((value, c) => value - mean.data[c]! * factors[c]!),
    );
  });
}
