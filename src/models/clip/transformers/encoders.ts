import { ConfigError } from "../../../config/config-error.js";
import type { Arena } from "../../../tensor/arena.js";
import type { TensorSource } from "../../../weights/tensor-source.js";
import type { Weights } from "../../../weights/store.js";
import { WeightStore } from "../../../weights/weight-store.js";
import { IMAGE_ENCODER, TEXT_ENCODER, type Component } from "../../component.js";
import type { Declared } from "../../family.js";
import { readFolderJson, type FolderFiles } from "../../folder-files.js";
import type { Encoders } from "../../interfaces.js";
import { fromTransformers } from "../transformers-names.js";
import { TransformersImageEncoder, visionModelOptions } from "./image-encoder.js";
import { ImageProcessor } from "./image-processor.js";
import { TransformersTextEncoder, textModelOptions } from "./text-encoder.js";
import { readTokenizer } from "./tokenizer.js";

/** The weights of the encoders in a folder, by the names of their components. */
export interface EncoderWeights {
  readonly text_encoder: TensorSource;
  /** Undefined if the folder has none: it then has no `feature_extractor` either. */
  readonly image_encoder: TensorSource | undefined;
}

/** An encoder whose weights are declared. */
export interface DeclaredEncoder<Encoder> {
  readonly encoder: Encoder;
  readonly store: WeightStore;
}

/**
 * Builds the encoders of a folder of diffusers' pipelines, from its components `text_encoder`, `tokenizer`, and if there are
 * any `image_encoder` and `feature_extractor`. The weights must stay open as long as the text encoder is used, because
 * embeddings of tokens are read on demand. Rejects with `FileError`, or with `ConfigError` for options that are not supported.
 */
export async function declareEncoders(
  folder: FolderFiles,
  { text_encoder: textWeights, image_encoder: imageWeights }: EncoderWeights,
  arena: Arena,
): Promise<Declared<Encoders>> {
  const text = await declareTextEncoder(folder, textWeights, arena);
  try {
    const image = imageWeights && (await declareImageEncoder(folder, imageWeights, arena));
    const { dimLatent } = text.encoder;
    if (image && image.encoder.dimLatent !== dimLatent) {
      throw new ConfigError(
        `the text encoder gives embeddings of width ${dimLatent}, the image encoder of width ${image.encoder.dimLatent}`,
      );
    }
    const components: Component[] = [
      { name: TEXT_ENCODER, weights: text.store },
      ...(image ? [{ name: IMAGE_ENCODER, weights: image.store }] : []),
    ];
    return {
      model: { text: text.encoder, image: image?.encoder, dimLatent },
      components,
      weights: components.map(({ weights }) => ({ stores: [weights] })),
    };
  } catch (error) {
    text.store.dispose();
    throw error;
  }
}

/** Builds the text encoder. Rejects as `declareEncoders`. */
export async function declareTextEncoder(
  folder: FolderFiles,
  weights: TensorSource,
  arena: Arena,
): Promise<DeclaredEncoder<TransformersTextEncoder>> {
  const { name, content } = await readFolderJson(folder, "text_encoder/config.json");
  const options = textModelOptions(content, name);
  const tokens = await readTokenizer(folder, "tokenizer");
  return declare(weights, arena, (root) => new TransformersTextEncoder(root, options, tokens));
}

/** Builds the image encoder. Rejects as `declareEncoders`. */
export async function declareImageEncoder(
  folder: FolderFiles,
  weights: TensorSource,
  arena: Arena,
): Promise<DeclaredEncoder<TransformersImageEncoder>> {
  const config = await readFolderJson(folder, "image_encoder/config.json");
  const options = visionModelOptions(config.content, config.name);
  const extractor = await readFolderJson(folder, "feature_extractor/preprocessor_config.json");
  const processor = new ImageProcessor(extractor.content, extractor.name, options.vision.resolution);
  return declare(weights, arena, (root) => new TransformersImageEncoder(root, options, processor));
}

function declare<Encoder>(
  weights: TensorSource,
  arena: Arena,
  build: (root: Weights) => Encoder,
): DeclaredEncoder<Encoder> {
  const store = new WeightStore(arena, fromTransformers(weights));
  try {
    return { encoder: build(store.root), store };
  } catch (error) {
    store.dispose();
    throw error;
  }
}
