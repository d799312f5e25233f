import { LayerNorm } from "../../nn/layer-norm.js";
import { Linear } from "../../nn/linear.js";
import { sameShape } from "../../ops/check.js";
import { broadcastBatch, cast, concatTokens } from "../../ops/layout.js";
import { ShapeError } from "../../ops/shape-error.js";
import type { Arena } from "../../tensor/arena.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { Weights } from "../../weights/store.js";
import type { TextMaskRows } from "../interfaces.js";
import type { UnetCondition } from "../diffusers/unet/context-unet.js";
import type { TextProjectionOptions } from "./config/text-projection-config.js";
import { TokenProjection } from "./token-projection.js";

const NAME = "TextProjection";

/** What CLIP knows of a text and of the wanted image. Tensors may be f32 or of the arena's dtype. */
export interface ClipConditions {
  /** `[batch, embedDim]`. Undefined: the learned null embedding. */
  readonly imageEmbed?: Tensor | undefined;
  /** `[batch, embedDim]` */
  readonly textEmbed: Tensor;
  /** `[batch, length, embedDim]` */
  readonly textEncodings: Tensor;
  /** For each sample 0 for each encoding to hide. Default: none is hidden. */
  readonly textMask?: TextMaskRows | undefined;
}

/**
 * Turns the embeddings and encodings of CLIP into the decoder's condition (`UnCLIPTextProjModel` of diffusers; Ramesh et al.
 * 2022, section 2.1).
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/pipelines/unclip/text_proj.py#L22-L88
 */
export class TextProjection {
  readonly #options: TextProjectionOptions;
  readonly #nullImageEmbed: Tensor;
  readonly #textToTime: Linear;
  readonly #imageToTime: Linear;
  readonly #imageToContext: TokenProjection;
  readonly #textToContext: Linear;
  readonly #textNorm: LayerNorm;

  /** Declares the weights. */
  constructor(weights: Weights, options: TextProjectionOptions) {
    const { embedDim, timeDim, imageTokens, contextDim } = options;
    this.#options = options;
    this.#nullImageEmbed = weights.table("learned_classifier_free_guidance_embeddings", [1, embedDim], {
      fileShape: [embedDim],
    });
    this.#textToTime = new Linear(weights.at("embedding_proj"), embedDim, timeDim);
    const imageToTime = weights.at("clip_image_embeddings_project_to_time_embeddings");
    this.#imageToTime = new Linear(imageToTime, embedDim, timeDim);
    const imageToContext = weights.at("clip_extra_context_tokens_proj");
    this.#imageToContext = new TokenProjection(imageToContext, embedDim, imageTokens, contextDim);
    this.#textToContext = new Linear(weights.at("encoder_hidden_states_proj"), embedDim, contextDim);
    this.#textNorm = new LayerNorm(weights.at("text_encoder_hidden_states_norm"), contextDim);
  }

  /** The decoder's condition. Throws `ShapeError` for tensors that do not fit. The caller disposes its tensors. */
  forward(arena: Arena, conditions: ClipConditions): UnetCondition {
    const { textEmbed, textEncodings, textMask } = conditions;
    this.#check(conditions);
    return arena.scope(() => {
      const own = (x: Tensor): Tensor => cast(arena.share(x), arena.dtype);
      const { imageEmbed } = conditions;
      const image = imageEmbed
        ? own(imageEmbed)
        : broadcastBatch(arena.share(this.#nullImageEmbed), textEmbed.shape[0]!);
      const imageTime = this.#imageToTime.forward(image);
      const text = this.#textNorm.forward(this.#textToContext.forward(own(textEncodings)));
      const imageTokens = new Array<number>(this.#options.imageTokens).fill(1);
      return {
        addedToTime: this.#textToTime.forward(own(textEmbed), { residual: imageTime }),
        context: concatTokens([this.#imageToContext.forward(image), text]),
        contextMask: textMask?.map((row) => [...imageTokens, ...row]),
      };
    });
  }

  #check({ imageEmbed, textEmbed, textEncodings, textMask }: ClipConditions): void {
    const { embedDim } = this.#options;
    const [batch = 0, length = 0] = textEncodings.shape;
    if (!sameShape(textEncodings.shape, [batch, length, embedDim])) {
      throw new ShapeError(NAME, "textEncodings", textEncodings.shape, ["batch", "length", embedDim]);
    }
    for (const [name, tensor] of Object.entries({ textEmbed, imageEmbed })) {
      if (tensor && !sameShape(tensor.shape, [batch, embedDim])) {
        throw new ShapeError(NAME, name, tensor.shape, [batch, embedDim]);
      }
    }
    const wrong = textMask?.find((row) => row.length !== length);
    if (textMask && (wrong || textMask.length !== batch)) {
      throw new ShapeError(NAME, "textMask", [textMask.length, wrong?.length ?? length], [batch, length]);
    }
  }
}
