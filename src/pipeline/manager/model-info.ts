// Descriptions of the models of a manager.
import type { ClipSource } from "../../config/load-config-data.js";
import type { NetworkSettings } from "../../diffusion/settings.js";
import { stageSettings } from "../../models/per-stage.js";
import type { StageInfo, TextShape } from "../../models/stage-info.js";
import { DataRequirements } from "../data-requirements.js";
import type { PriorSettings } from "../settings.js";
import { candidatesOf } from "../time-estimate.js";
import type { Models } from "./computed-models.js";
import type { DefaultSettings } from "./default-settings.js";
import type { ModelEntries } from "./load-models.js";

/** Description of the prior, which turns texts into image embeddings. */
export interface PriorInfo {
  /** Name of its library: "DALLE2-pytorch". */
  readonly family: string;
  /** Version of the library that it is read as; undefined if versions do not matter. */
  readonly version: string | undefined;
  /** Width of the embeddings of texts and images. */
  readonly imageEmbedDim: number;
  /** Shape of the encodings of the longest text. */
  readonly textShape: TextShape;
  /** Inputs that it needs. */
  readonly requirements: DataRequirements;
  /** Settings of a call that gives none: the load config's, otherwise its own. */
  readonly settings: PriorSettings;
}

/** Description of the decoder, which turns image embeddings into images. */
export interface DecoderInfo {
  /** Name of its library: "DALLE2-pytorch". */
  readonly family: string;
  /** Version of the library that each file is read as; undefined if versions do not matter. */
  readonly versions: readonly (string | undefined)[];
  /** Its U-Nets in order. The first generates the smallest images. */
  readonly unets: readonly StageInfo[];
  /** Inputs that it needs to run from U-Net 1. */
  readonly requirements: DataRequirements;
  /** Settings of each U-Net in a call that gives none: the load config's, otherwise the U-Net's own. */
  readonly settings: readonly NetworkSettings[];
}

/** Description of the CLIP that encodes texts and images. */
export interface ClipInfo {
  /** Its library; `transformers` for a CLIP in a folder of models. */
  readonly make: ClipSource["make"] | "transformers";
  /** Its name, such as "ViT-L/14", or that of the folder. */
  readonly model: string;
  /** Maximum number of tokens in a text; undefined if it has no text encoder. */
  readonly contextLength: number | undefined;
  /** Side of its square input images, in pixels; undefined if it has no image encoder. */
  readonly imageSize: number | undefined;
  /** Width of the embeddings of texts and images. */
  readonly dimLatent: number;
}

/** Descriptions of models; undefined if there is no such model. */
export interface ModelInfos {
  readonly prior: PriorInfo | undefined;
  readonly decoder: DecoderInfo | undefined;
  readonly clip: ClipInfo | undefined;
}

/**
 * Describes loaded models. `source` is the entry of the CLIP, `defaults` are the settings of the load config.
 *
 * @internal
 */
export function describeLoaded(
  { prior, decoder, clip }: Models,
  source: ModelEntries["clip"],
  defaults: DefaultSettings,
): ModelInfos {
  const hasClip = clip !== undefined;
  return {
    prior: prior && priorInfo(prior, hasClip, defaults),
    decoder: decoder && decoderInfo(decoder, hasClip, defaults),
    clip: clip && source ? clipInfo(clip, source) : undefined,
  };
}

function priorInfo(
  { model, origins }: NonNullable<Models["prior"]>,
  hasClip: boolean,
  { prior }: DefaultSettings,
): PriorInfo {
  const { imageEmbedDim, textShape } = model;
  const needs = { imageEmbedding: false, textEncoding: true, image: false, imageSize: 0 };
  return {
    family: origins[0]!.family,
    version: origins[0]!.dialect?.version,
    imageEmbedDim,
    textShape,
    requirements: new DataRequirements(needs, hasClip),
    settings: { ...model.settings(prior), numSamplesPerBatch: candidatesOf(model, {}) },
  };
}

function decoderInfo(
  { model, origins }: NonNullable<Models["decoder"]>,
  hasClip: boolean,
  { decoder }: DefaultSettings,
): DecoderInfo {
  const unets = model.stages.map(({ info }) => info);
  return {
    family: origins[0]!.family,
    versions: origins.map(({ dialect }) => dialect?.version),
    unets,
    requirements: DataRequirements.ofDecoder(unets, 1, hasClip, model.nullText),
    settings: stageSettings(model.stages, {}, decoder),
  };
}

function clipInfo(
  { model: { text, image, dimLatent }, origins }: NonNullable<Models["clip"]>,
  source: NonNullable<ModelEntries["clip"]>,
): ClipInfo {
  const name = "folder" in source ? source.folder : source.model;
  // Only encoders in a folder are built by a family.
  const make = "folder" in source || origins.length > 0 ? "transformers" : source.make;
  return { make, model: name, contextLength: text?.contextLength, imageSize: image?.imageSize, dimLatent };
}
