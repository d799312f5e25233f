import { writeChannels } from "../ops/layout.js";
import { padChannels } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";

/** A layer from `[..., in]` to `[..., out]`. */
interface Layer {
  forward(x: Tensor): Tensor;
}

/** Layers that read the same input. Their outputs are computed together, side by side. */
export class JoinedLayers {
  readonly #layers: { readonly layer: Layer; readonly start: number }[] = [];
  #width = 0;

  /** Channels of all outputs. */
  get width(): number {
    return this.#width;
  }

  /** Adds a layer, and returns the channel at which its outputs begin: a multiple of 4. */
  add(layer: Layer, outputs: number): number {
    const start = this.#width;
    this.#layers.push({ layer, start });
    this.#width += padChannels(outputs);
    return start;
  }

  /** `[..., in]` to `[..., width]`. Channels between outputs have any value. */
  forward(x: Tensor): Tensor {
    const { arena } = x;
    const y = arena.empty([...x.shape.slice(0, -1), this.#width], x.dtype);
    for (const { layer, start } of this.#layers) {
      arena.scope(() => {
        writeChannels(y, layer.forward(x), start);
      });
    }
    return y;
  }
}
