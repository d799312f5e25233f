// The encoders of a folder of diffusers.
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

/** The components of the encoders of texts and images. */
export interface EncoderComponents {
  readonly text: string;
  readonly tokenizer: string;
  readonly image: string;
  /** What prepares images for the image encoder. */
  readonly processor: string;
}

/** Their names in most pipelines. */
export const ENCODERS: EncoderComponents = {
  text: "text_encoder",
  tokenizer: "tokenizer",
  image: "image_encoder",
  processor: "feature_extractor",
};

export interface EncodersOptions extends WeightsOptions {
  /** Default: `ENCODERS`. */
  readonly components?: EncoderComponents | undefined;
  /** Whether the folder has a text encoder and its tokenizer. Default true. */
  readonly hasTextEncoder?: boolean | undefined;
  /** Whether the folder has an image encoder and its processor. */
  readonly hasImageEncoder: boolean;
}

/** How to open one encoder. */
interface EncoderOptions extends WeightsOptions {
  /** Whether a text encoder is one with a projection. Default true. */
  readonly projects?: boolean | undefined;
  /** Default: `ENCODERS`. */
  readonly names?: EncoderComponents | undefined;
}

/**
 * Builds the encoders of a folder. It must stay open as long as they are used, because embeddings of tokens are read on demand.
 * Rejects with `FileError`, `FormatError`, or `ConfigError` for options that are not supported.
 */
export async function declareEncoders(
  folder: WeightsFolder,
  arena: Arena,
  { hasTextEncoder = true, hasImageEncoder, components: names = ENCODERS, ...options }: EncodersOptions,
): Promise<Declared<Encoders>> {
  const text = hasTextEncoder ? await declareTextEncoder(folder, arena, { names, ...options }) : undefined;
  try {
    const image = hasImageEncoder ? await declareImageEncoder(folder, arena, { names, ...options }) : undefined;
    const dimLatent = (text ?? image)?.encoder.dimLatent ?? 0;
    if (image && image.encoder.dimLatent !== dimLatent) {
      throw new ConfigError(
        `${folder.name}: its text encoder gives embeddings of width ${dimLatent}, its image encoder of width ` +
          `${image.encoder.dimLatent}`,
      );
    }
    const components: Component[] = [
      ...(text ? [{ name: TEXT_ENCODER, weights: text.store }] : []),
      ...(image ? [{ name: IMAGE_ENCODER, weights: image.store }] : []),
    ];
    return {
      model: { text: text?.encoder, image: image?.encoder, dimLatent },
      components,
      weights: components.map(({ weights }) => ({ stores: [weights] })),
    };
  } catch (error) {
    text?.store.dispose();
    throw error;
  }
}

/** Builds the text encoder, with the folder's tokenizer unless others are given. Rejects as `declareEncoders`. */
export async function declareTextEncoder(
  folder: WeightsFolder,
  arena: Arena,
  { names = ENCODERS, projects, ...options }: EncoderOptions = {},
  tokens?: TextEncoderTokens,
): Promise<DeclaredEncoder<TransformersTextEncoder>> {
  const { value, name } = await componentConfig(folder, names.text);
  const model = textModelOptions(value, name, projects);
  const own = tokens ?? (await readTokenizer(folder, names.tokenizer));
  const checkpoint = await openComponent(folder, names.text, "model", options);
  return declare(checkpoint, arena, (root) => new TransformersTextEncoder(root, model, own));
}

/** Builds the image encoder. Rejects as `declareEncoders`. */
export async function declareImageEncoder(
  folder: WeightsFolder,
  arena: Arena,
  { names = ENCODERS, ...options }: EncoderOptions = {},
): Promise<DeclaredEncoder<TransformersImageEncoder>> {
  const config = await componentConfig(folder, names.image);
  const model = visionModelOptions(config.value, config.name);
  const extractor = await componentConfig(folder, names.processor, "preprocessor_config.json");
  const processor = new ImageProcessor(extractor.value, extractor.name, model.vision.resolution);
  const checkpoint = await openComponent(folder, names.image, "model", options);
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
