// The encoders of a folder of diffusers: text_encoder, tokenizer, image_encoder and feature_extractor.
import { ConfigError } from "../../config/config-error.js";
import type { Arena } from "../../tensor/arena.js";
import type { Checkpoint } from "../../weights/checkpoint.js";
import type { Weights } from "../../weights/store.js";
import { WeightStore } from "../../weights/weight-store.js";
import { TransformersImageEncoder, visionModelOptions } from "../clip/transformers/image-encoder.js";
import { ImageProcessor } from "../clip/transformers/image-processor.js";
import {
  TransformersTextEncoder,
  textModelOptions,
  type TextEncoderTokens,
} from "../clip/transformers/text-encoder.js";
import { readTokenizer } from "../clip/transformers/tokenizer.js";
import { fromTransformers } from "../clip/transformers-names.js";
import { IMAGE_ENCODER, TEXT_ENCODER, type Component } from "../component.js";
import type { Declared } from "../family.js";
import type { Encoders } from "../interfaces.js";
import { componentConfig } from "./component-files.js";
import { openComponent, type WeightsFolder, type WeightsOptions } from "./component-weights.js";

/** An encoder whose weights are declared. */
export interface DeclaredEncoder<Encoder> {
  readonly encoder: Encoder;
  readonly store: WeightStore;
  /** The file of its weights. */
  readonly checkpoint: Checkpoint;
}

export interface EncodersOptions extends WeightsOptions {
  /** Whether the folder has an image encoder and its feature extractor. */
  readonly hasImageEncoder: boolean;
}

/**
 * Builds the encoders of a folder. It must stay open as long as they are used, because embeddings of tokens are read on demand.
 * Rejects with `FileError`, `FormatError`, or `ConfigError` for options that are not supported.
 */
export async function declareEncoders(
  folder: WeightsFolder,
  arena: Arena,
  { hasImageEncoder, ...options }: EncodersOptions,
): Promise<Declared<Encoders>> {
  const text = await declareTextEncoder(folder, arena, options);
  try {
    const image = hasImageEncoder ? await declareImageEncoder(folder, arena, options) : undefined;
    const { dimLatent } = text.encoder;
    if (image && image.encoder.dimLatent !== dimLatent) {
      throw new ConfigError(
        `${folder.name}: its text encoder gives embeddings of width ${dimLatent}, its image encoder of width ` +
          `${image.encoder.dimLatent}`,
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

/** Builds the text encoder, with the folder's tokenizer unless others are given. Rejects as `declareEncoders`. */
export async function declareTextEncoder(
  folder: WeightsFolder,
  arena: Arena,
  options: WeightsOptions = {},
  tokens?: TextEncoderTokens,
): Promise<DeclaredEncoder<TransformersTextEncoder>> {
  const { value, name } = await componentConfig(folder, "text_encoder");
  const model = textModelOptions(value, name);
  const own = tokens ?? (await readTokenizer(folder, "tokenizer"));
  const checkpoint = await openComponent(folder, "text_encoder", "model", options);
  return declare(checkpoint, arena, (root) => new TransformersTextEncoder(root, model, own));
}

/** Builds the image encoder. Rejects as `declareEncoders`. */
export async function declareImageEncoder(
  folder: WeightsFolder,
  arena: Arena,
  options: WeightsOptions = {},
): Promise<DeclaredEncoder<TransformersImageEncoder>> {
  const config = await componentConfig(folder, "image_encoder");
  const model = visionModelOptions(config.value, config.name);
  const extractor = await componentConfig(folder, "feature_extractor", "preprocessor_config.json");
  const processor = new ImageProcessor(extractor.value, extractor.name, model.vision.resolution);
  const checkpoint = await openComponent(folder, "image_encoder", "model", options);
  return declare(checkpoint, arena, (root) => new TransformersImageEncoder(root, model, processor));
}

function declare<Encoder>(
  checkpoint: Checkpoint,
  arena: Arena,
  build: (root: Weights) => Encoder,
): DeclaredEncoder<Encoder> {
  const store = new WeightStore(arena, fromTransformers(checkpoint));
  try {
    return { encoder: build(store.root), store, checkpoint };
  } catch (error) {
    store.dispose();
    throw error;
  }
}
