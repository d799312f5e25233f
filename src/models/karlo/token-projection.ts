import { inModule } from "../../nn/in-module.js";
import { linear } from "../../ops/linear.js";
import { splitChannels } from "../../ops/layout.js";
import { uploadMatrix } from "../../ops/pack.js";
import type { Tensor } from "../../tensor/tensor.js";
import { toFloat32 } from "../../weights/dtypes.js";
import type { Weights } from "../../weights/store.js";

/**
 * A linear layer from a vector to several tokens. In the file, output `channel · tokens + token` is a channel of a token:
 * channels are outermost. They are reordered when the weights are loaded.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/pipelines/unclip/text_proj.py#L79-L82
 */
export class TokenProjection {
  readonly #path: string;
  readonly #tokens: number;
  readonly #weight: Tensor;
  readonly #bias: Tensor;

  /** Loads `weight` `[tokens · width, inputs]` and `bias`. */
  constructor(weights: Weights, inputs: number, tokens: number, width: number) {
    const { arena, store, path } = weights;
    const outputs = tokens * width;
    this.#path = path;
    this.#tokens = tokens;
    const weight = store.own(arena.packed([inputs, outputs], weights.typeOf("weight"), `${path}.weight`));
    store.request(
      `${path}.weight`,
      [outputs, inputs],
      {
        store: (bytes, { dtype }) => {
          uploadMatrix(reordered(toFloat32(dtype, bytes), { inputs, tokens, width }), weight);
        },
      },
      weight,
    );
    const bias = store.own(arena.detached([outputs], "f32"));
    store.request(
      `${path}.bias`,
      [outputs],
      {
        store: (bytes, { dtype }) => {
          arena.upload(bias, reordered(toFloat32(dtype, bytes), { inputs: 1, tokens, width }));
        },
      },
      bias,
    );
    this.#weight = weight;
    this.#bias = bias;
  }

  /** `[batch, inputs]` to `[batch, tokens, width]`. */
  forward(x: Tensor): Tensor {
    return inModule(x.arena, this.#path, () =>
      x.arena.scope(() => splitChannels(linear(x, this.#weight, { bias: this.#bias }), this.#tokens)),
    );
  }
}

/** `[width, tokens, inputs]` to `[inputs, tokens, width]`. */
function reordered(
  values: Float32Array,
  { inputs, tokens, width }: Readonly<Record<"inputs" | "tokens" | "width", number>>,
): Float32Array {
  const result = new Float32Array(values.length);
  for (let channel = 0; channel < width; channel++) {
    for (let token = 0; token < tokens; token++) {
      const from = (channel * tokens + token) * inputs;
      const to = token * width + channel;
      for (let input = 0; input < inputs; input++) result[input * tokens * width + to] = values[from + input]!;
    }
  }
  return result;
}
