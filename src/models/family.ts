import type * as z from "zod/mini";
import type { ConfigError } from "../config/config-error.js";
import type { ModelSource, PriorSource, UnetSource } from "../config/load-config-data.js";
import type { Runner } from "../fixture/runner.js";
import type { Arena } from "../tensor/arena.js";
import type { Checkpoint } from "../weights/checkpoint.js";
import type { WeightStore } from "../weights/weight-store.js";
import type { ModelKind, ModelNames } from "../weights/tree/model-names.js";
import type { Component } from "./component.js";
import type { Cascade, Encoders, Prior } from "./interfaces.js";
import type { Opened, OpenedFolder } from "./opened.js";

/** The model of a family in an opened file or folder. */
export interface Claim {
  /** A name for it: "decoder". */
  readonly component: string;
  /**
   * What it can be loaded as: one model, or several in a folder. Undefined if it cannot be loaded, such as a network without
   * the rest of its model.
   */
  readonly kind: ModelKind | readonly ModelKind[] | undefined;
  /** The components of a folder that each kind of model reads. No others are downloaded. Default: all that the index names. */
  readonly components?: Readonly<Partial<Record<ModelKind, readonly string[]>>> | undefined;
  /** Its name in messages: "a decoder". */
  readonly words: string;
}

/** A train config, and the file that it is in, or would be in. */
export interface TrainConfig {
  /** Undefined if there is none. */
  readonly value: unknown;
  readonly name: string;
}

/** The input for building a model. Only headers of files were read. */
export interface BuildRequest<Source> {
  readonly opened: Opened;
  /** The entry of the load config, with the family's own keys in it. */
  readonly source: Source;
  /** Path of the entry and its file, for messages: "decoder.unet_sources[0], model.pth". */
  readonly origin: string;
  readonly given: TrainConfig;
  /** Path or URL of the load config, for messages. */
  readonly config: string;
  readonly arena: Arena;
  readonly warn: (message: string) => void;
}

/** The version of a family's library that a file is read as, and the consequences, as plain data. */
export interface ReadAs {
  readonly version: string;
}

/** The weights of a model in one file of tensors. */
export interface DeclaredWeights {
  /** All of them. */
  readonly stores: readonly [WeightStore, ...WeightStore[]];
  /** Weights to load before the model samples: small tables, such as noise schedules. */
  readonly tables?: WeightStore | undefined;
  /** Contradictions between a config and the shapes in the file. */
  readonly misfit?: ConfigError | undefined;
  /** How the file is read, if that differs among files of the family. */
  readonly dialect?: ReadAs | undefined;
}

/** A model whose weights are declared. Only headers were read. */
export interface Declared<Model> {
  readonly model: Model;
  /** The components of its weights, in the order of use. */
  readonly components: readonly Component[];
  /** One for each file of tensors that it was built from. */
  readonly weights: readonly DeclaredWeights[];
}

/** A section of a report: a title, and cells that are aligned by column. */
export interface ReportSection {
  readonly title: string;
  readonly rows: readonly (readonly string[])[];
}

/** A family's description of a checkpoint, from its headers. */
export interface FamilyReport {
  readonly component: string;
  /** How the checkpoint is read, as plain data. */
  readonly dialect: Readonly<Record<string, unknown>>;
  /** The same for people. */
  readonly sections: readonly ReportSection[];
  readonly warnings: readonly string[];
}

/** The metadata of a safetensors file. */
type Metadata = Readonly<Record<string, string>>;

/**
 * A model family: an architecture, its file formats, and its sampling. A family knows no other family, and only the list of
 * families (families.ts) knows it. Its models are loaded when a file of it is found: a page does not download the code of others.
 */
export interface Family {
  /** Name of the library that made its checkpoints, for messages. */
  readonly name: string;
  /** What is supported, for a list: "priors and decoders of DALLE2-pytorch". */
  readonly supported: string;
  /** What names of tensors tell, to find its models in files. */
  readonly names: ModelNames;
  /** Its own keys beside `load_model_from` in a load config. */
  readonly configKeys: Readonly<Record<string, z.ZodMiniType>>;
  /** The model of this family in an opened file or folder; undefined if there is none. */
  claim(opened: Opened): Claim | undefined;
  /** Builds a prior. Throws `ConfigError`, `FormatError` or `WeightError`, which name the file. */
  prior?(request: BuildRequest<PriorSource>): Declared<Prior> | Promise<Declared<Prior>>;
  /** Builds a cascade whose stages may come from several files. Throws as `prior`. */
  cascade?(requests: readonly BuildRequest<UnetSource>[]): Declared<Cascade> | Promise<Declared<Cascade>>;
  /**
   * Builds the encoders of texts and images that a folder holds. The components are the text encoder and then the image encoder, each
   * if there is one. Throws as `prior`.
   */
  encoders?(request: BuildRequest<ModelSource>): Declared<Encoders> | Promise<Declared<Encoders>>;
  /**
   * The id on the hub of the folder with the prior and the encoders, for a folder that has a decoder alone; undefined if it is not
   * known. Rejects as `prior`. Default: decoders of this family need no other folder.
   */
  priorOf?(folder: OpenedFolder): Promise<string | undefined>;
  /** The runners of its kinds of fixtures. */
  verify(): Promise<ReadonlyMap<string, Runner>>;
  /** Describes a checkpoint that it claims. */
  inspect(checkpoint: Checkpoint): FamilyReport | Promise<FamilyReport>;
  /** Describes the models in a folder that it claims, for people. Rejects as `prior`. Default: the list of components is enough. */
  describeFolder?(folder: OpenedFolder): Promise<readonly ReportSection[]>;
  /** Metadata of a converted checkpoint, for readers other than this library. */
  convertedMetadata(checkpoint: Checkpoint): Metadata | Promise<Metadata>;
}
