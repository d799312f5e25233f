/** What the models of a manager are. */
import type { ClipSource } from "../../config/load-config-data.js";
import type { StageInfo, TextShape } from "../../models/stage-info.js";
import { DataRequirements } from "../data-requirements.js";
import type { Models } from "./computed-models.js";

/** The prior: from texts to image embeddings. */
export interface PriorInfo {
  /** Name of the library that made it: "DALLE2-pytorch". */
  readonly family: string;
  /** The version of that library as whose it is read; undefined where its versions do not differ. */
  readonly version: string | undefined;
  /** Width of the embeddings of texts and images. */
  readonly imageEmbedDim: number;
  /** Of the longest text. */
  readonly textShape: TextShape;
  /** What it has to be given. */
  readonly requirements: DataRequirements;
}

/** The decoder: from image embeddings to images. */
export interface DecoderInfo {
  /** Name of the library that made it: "DALLE2-pytorch". */
  readonly family: string;
  /** The version of that library as whose each file is read; undefined where its versions do not differ. */
  readonly versions: readonly (string | undefined)[];
  /** Its U-Nets in order, the first of which makes the smallest images. */
  readonly unets: readonly StageInfo[];
  /** What it has to be given to run from the first U-Net on. */
  readonly requirements: DataRequirements;
}

/** The CLIP that encodes texts and images. */
export interface ClipInfo {
  /** The library that it was made with. */
  readonly make: ClipSource["make"];
  /** Its name, such as "ViT-L/14". */
  readonly model: string;
  /** Most tokens in a text. */
  readonly contextLength: number;
  /** Side in pixels of the square images that it sees. */
  readonly imageSize: number;
  /** Width of the embeddings of texts and images. */
  readonly dimLatent: number;
}

/** What models are; undefined for those that there are not. */
export interface ModelInfos {
  readonly prior: PriorInfo | undefined;
  readonly decoder: DecoderInfo | undefined;
  readonly clip: ClipInfo | undefined;
}

/**
 * What models are that were loaded, of which a load config names the CLIP.
 *
 * @internal
 */
export function describeLoaded({ prior, decoder, clip }: Models, source: ClipSource | null | undefined): ModelInfos {
  const hasClip = clip !== undefined;
  return {
    prior: prior && priorInfo(prior, hasClip),
    decoder: decoder && decoderInfo(decoder, hasClip),
    clip: clip && source ? clipInfo(clip.model, source) : undefined,
  };
}

function priorInfo({ model, origins }: NonNullable<Models["prior"]>, hasClip: boolean): PriorInfo {
  const { imageEmbedDim, textShape } = model;
  const needs = { imageEmbedding: false, textEncoding: true, image: false, imageSize: 0 };
  return {
    family: origins[0]!.family,
    version: origins[0]!.dialect?.version,
    imageEmbedDim,
    textShape,
    requirements: new DataRequirements(needs, hasClip),
  };
}

function decoderInfo({ model, origins }: NonNullable<Models["decoder"]>, hasClip: boolean): DecoderInfo {
  const unets = model.stages.map(({ info }) => info);
  return {
    family: origins[0]!.family,
    versions: origins.map(({ dialect }) => dialect?.version),
    unets,
    requirements: DataRequirements.ofDecoder(unets, 1, hasClip),
  };
}

function clipInfo(
  { contextLength, imageSize, dimLatent }: NonNullable<Models["clip"]>["model"],
  { make, model }: ClipSource,
): ClipInfo {
  return { make, model, contextLength, imageSize, dimLatent };
}
