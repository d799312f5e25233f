import type { Activation } from "../../ops/activation.js";

/** A transformer of residual attention blocks. */
export interface TransformerShape {
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly mlpWidth: number;
  /** The function in the middle of each feed-forward layer. */
  readonly activation: Activation;
  /** Epsilon of its layer norms. */
  readonly eps: number;
  /** True if each branch is scaled, channel by channel, before it is added (Touvron et al. 2021). */
  readonly layerScale: boolean;
}

/**
 * Which token of the last layer gives the text embedding: the one with the highest number, as in OpenAI's code (the end
 * token); the first that is `token`, or else the first of all; the first; or the last.
 */
export type TextPooling =
  { readonly kind: "highest" | "first" | "last" } | { readonly kind: "token"; readonly token: number };

export interface TextOptions extends TransformerShape {
  /** True if tokens cannot see later ones. */
  readonly causal: boolean;
  readonly pooling: TextPooling;
  /** From the token to the embedding: a matrix, a linear layer with a bias, or nothing. */
  readonly projection: "matrix" | "linear" | "none";
}

/**
 * What of the last layer gives the image embedding: the class token, or the mean of the patches, or the mean of all tokens.
 */
export type ViTPooling = "class" | "patches" | "all";

export interface VitOptions extends TransformerShape {
  readonly kind: "vit";
  /** Side of the image in pixels. */
  readonly resolution: number;
  readonly patchSize: number;
  readonly pooling: ViTPooling;
  /** True if all tokens are normed before pooling, false if the pooled result is. */
  readonly normBeforePooling: boolean;
  /** True if there is a norm before the transformer. */
  readonly normPre: boolean;
}

export interface ResNetOptions {
  readonly kind: "resnet";
  /** Side of the image in pixels. */
  readonly resolution: number;
  /** Channels of the first stage. */
  readonly width: number;
  /** Bottlenecks in each of the four stages. */
  readonly layers: readonly number[];
  /** Heads of the attention pooling. */
  readonly heads: number;
}

/** The architecture of a CLIP from OpenAI or open_clip. */
export interface OpenAiClipOptions {
  /** Width of the common space of texts and images. */
  readonly embedDim: number;
  readonly vision: VitOptions | ResNetOptions;
  readonly text: TextOptions;
  /** Tokens in a text. */
  readonly contextLength: number;
  readonly vocabSize: number;
  /** Mean and standard deviation of red, green and blue in the training images. */
  readonly imageMean: readonly number[];
  readonly imageStd: readonly number[];
}
