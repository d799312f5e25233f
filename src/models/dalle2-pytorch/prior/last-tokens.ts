import type { PriorNetOptions } from "../options.js";
import { broadcastBatch } from "../../../ops/layout.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { NetworkDialect } from "../dialect/flags.js";
import type { Weights } from "../../../weights/store.js";

/** The end of a sequence, after the image embedding. The network's prediction is read at the last token. */
export interface LastTokens {
  readonly count: number;
  /**
   * From the tokens of the image embedding `[batch, numImageEmbeds, dim]` and the last prediction `[batch, 1, dim]`, if any.
   */
  forward(imageEmbeds: Tensor, selfCond: Tensor | undefined): readonly Tensor[];
}

/** The last tokens in a dialect: a learned query, and the last prediction with `selfCond`. */
export function lastTokensOf(
  weights: Weights,
  { dim, numImageEmbeds, selfCond }: PriorNetOptions,
  { priorSelfCond }: Pick<NetworkDialect, "priorSelfCond">,
): LastTokens {
  switch (selfCond ? priorSelfCond : "off") {
    case "off":
      return new Query(weights, dim);
    case "imageSelfQuery":
      return new PredictionAndQuery(weights, dim);
    case "imageImageSelf":
      return new ImageAndPrediction(weights, dim, numImageEmbeds);
    case "imageImageZero":
      return new ImageAndZero(weights, dim, numImageEmbeds);
  }
}

class Query implements LastTokens {
  readonly count = 1;
  readonly #query: Tensor;

  constructor(weights: Weights, dim: number) {
    this.#query = weights.table("learned_query", [1, 1, dim], { fileShape: [dim] });
  }

  forward(imageEmbeds: Tensor): readonly Tensor[] {
    return [fill(this.#query, imageEmbeds)];
  }
}

/** @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L1139-L1154 */
class PredictionAndQuery implements LastTokens {
  readonly count = 2;
  readonly #zero: Tensor;
  readonly #query: Query;

  constructor(weights: Weights, dim: number) {
    this.#zero = zeroToken(weights, dim);
    this.#query = new Query(weights, dim);
  }

  forward(imageEmbeds: Tensor, selfCond: Tensor | undefined): readonly Tensor[] {
    return [selfCond ?? fill(this.#zero, imageEmbeds), ...this.#query.forward(imageEmbeds)];
  }
}

/** Before 1.12.1 the image embedding was repeated in place of the query. */
class ImageAndPrediction implements LastTokens {
  readonly count: number;
  readonly #zero: Tensor;

  constructor(weights: Weights, dim: number, numImageEmbeds: number) {
    this.count = numImageEmbeds + 1;
    this.#zero = zeroToken(weights, dim);
    weights.ignore("learned_query");
  }

  forward(imageEmbeds: Tensor, selfCond: Tensor | undefined): readonly Tensor[] {
    return [imageEmbeds, selfCond ?? fill(this.#zero, imageEmbeds)];
  }
}

/** Before 1.6.3 the last prediction was ignored. */
class ImageAndZero extends ImageAndPrediction {
  override forward(imageEmbeds: Tensor): readonly Tensor[] {
    return super.forward(imageEmbeds, undefined);
  }
}

/** A weight `[1, 1, dim]` for each sample in the batch of `like`. */
function fill(weight: Tensor, { arena, shape }: Tensor): Tensor {
  return broadcastBatch(arena.share(weight), shape[0]!);
}

/** `[1, 1, dim]`: the prediction for the first step, which has none. */
function zeroToken(weights: Weights, dim: number): Tensor {
  const { arena } = weights;
  const zero = arena.detached([1, 1, dim]);
  return weights.derived(zero, () => {
    arena.upload(zero, new Float32Array(dim));
  });
}
