import { attention, type AttentionSizes } from "./attention.js";
import { conv, type ConvSizes } from "./conv.js";
import { linear, type LinearSizes } from "./linear.js";
import { groupNorm, layerNorm, type GroupNormSizes, type LayerNormSizes } from "./norm.js";
import type { Operation } from "./operation.js";
import { resize, type ResizeSizes } from "./resize.js";
import sizes from "../operations.json" with { type: "json" };

type Sizes = AttentionSizes | ConvSizes | GroupNormSizes | LayerNormSizes | LinearSizes | ResizeSizes;

/** Operations with the sizes that networks have; `python/torch_operations.py` reads the same list. */
export const OPERATIONS: readonly (() => Operation)[] = (sizes as readonly Sizes[]).map((one) => () => operation(one));

function operation(one: Sizes): Operation {
  switch (one.kind) {
    case "linear":
      return linear(one);
    case "conv":
      return conv(one);
    case "attention":
      return attention(one);
    case "groupNorm":
      return groupNorm(one);
    case "layerNorm":
      return layerNorm(one);
    case "resize":
      return resize(one);
  }
}
