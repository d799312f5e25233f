// The encoders of CLIP in their full size, and one pass of each.
import { TransformersImageEncoder, visionModelOptions } from "../../src/models/clip/transformers/image-encoder.js";
import { ImageProcessor } from "../../src/models/clip/transformers/image-processor.js";
import { TransformersTextEncoder, textModelOptions } from "../../src/models/clip/transformers/text-encoder.js";
import { fromTransformers } from "../../src/models/clip/transformers-names.js";
import { ClipTokenizer } from "../../src/tokenizer/clip-tokenizer.js";
import type { FullComponent } from "../support/full-size.js";
import { IMAGE_PROCESSOR, NO_TOKENS } from "../support/full-size-kandinsky.js";
import { immediate, normals, random, type FullNetwork } from "./network.js";

/** A text encoder, with a projection or without one. Its result is the text embedding. */
export function textEncoder(component: FullComponent, { projects = true } = {}): FullNetwork {
  return {
    component,
    what: "a text of 77 tokens",
    renamed: fromTransformers,
    declare: (weights) => {
      const tokens = { tokenizer: new ClipTokenizer(NO_TOKENS), maxLength: 77 };
      const encoder = new TransformersTextEncoder(weights, textModelOptions(component.config, "", projects), tokens);
      return async (arena) => {
        const text = Int32Array.from({ length: 77 }, () => random.integer(0, 49407));
        const { textEmbed, textEncodings } = await encoder.embedText(arena, [text]);
        textEncodings.dispose();
        return textEmbed;
      };
    },
  };
}

export function imageEncoder(component: FullComponent): FullNetwork {
  return {
    component,
    what: "an image of 224 pixels",
    renamed: fromTransformers,
    declare: (weights) => {
      const processor = new ImageProcessor(IMAGE_PROCESSOR, "", 224);
      const encoder = new TransformersImageEncoder(weights, visionModelOptions(component.config, ""), processor);
      return immediate((arena) => encoder.embedImage(normals(arena, [1, 224, 224, 3])));
    },
  };
}
