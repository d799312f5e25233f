import { inModule } from "./in-module.js";
import { layerNorm, type LayerNormOptions } from "../ops/norm.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Weights } from "../weights/store.js";

export interface LayerNormParameters {
  /** Names of the tensors. Without `bias` the norm has none. Default: torch's names, "weight" and "bias". */
  readonly parameters?: { readonly gain: string; readonly bias?: string };
  /** Default 1e-5. */
  readonly eps?: number;
  /** Divide by the largest value first; see `layerNorm`. Default: false. */
  readonly stable?: boolean;
  /** Shape of the tensors in the checkpoint, for example `[1, dim, 1, 1]`. Default: `[dim]`. */
  readonly torchShape?: readonly number[];
}

/** Layer norm over the last axis: torch's `nn.LayerNorm`, and DALLE2-pytorch's `LayerNorm` and `ChanLayerNorm`. */
export class LayerNorm {
  readonly #path: string;
  readonly #weight: Tensor;
  readonly #bias: Tensor | undefined;
  readonly #options: Pick<LayerNormOptions, "eps" | "stable">;

  constructor(weights: Weights, dim: number, options: LayerNormParameters = {}) {
    const { parameters = { gain: "weight", bias: "bias" }, eps = 1e-5, stable = false, torchShape } = options;
    this.#path = weights.path;
    this.#weight = weights.vector(parameters.gain, dim, torchShape);
    this.#bias = parameters.bias === undefined ? undefined : weights.vector(parameters.bias, dim, torchShape);
    this.#options = { eps, stable };
  }

  /** `[..., dim]` to `[..., dim]`: `norm(x) · gain + bias + residual`. */
  forward(x: Tensor, { residual }: Pick<LayerNormOptions, "residual"> = {}): Tensor {
    const norm = { ...this.#options, weight: this.#weight, bias: this.#bias, residual };
    return inModule(x.arena, this.#path, () => layerNorm(x, norm));
  }
}
