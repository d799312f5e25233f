import type { z } from "zod";
import type { ConfigError } from "../config/config-error.js";
import type { PriorSource, UnetSource } from "../config/load-config-data.js";
import type { Runner } from "../fixture/runner.js";
import type { Arena } from "../tensor/arena.js";
import type { Checkpoint } from "../weights/checkpoint.js";
import type { WeightStore } from "../weights/weight-store.js";
import type { ModelKind, ModelNames } from "../weights/tree/model-names.js";
import type { Component } from "./component.js";
import type { Cascade, Prior } from "./interfaces.js";
import type { Opened } from "./opened.js";

/** What an opened file or folder holds of a family. */
export interface Claim {
  /** A name for it: "decoder". */
  readonly component: string;
  /** What it can be loaded as; undefined for what cannot be loaded, as the network of a model without the rest of it. */
  readonly kind: ModelKind | undefined;
  /** In the words of messages: "a decoder". */
  readonly words: string;
}

/** A train config as it was read, and the file that it is in, or would be in. */
export interface TrainConfig {
  /** Undefined where there is none. */
  readonly value: unknown;
  readonly name: string;
}

/** What a family builds a model from. Of files headers were read, and nothing else. */
export interface BuildRequest<Source> {
  readonly opened: Opened;
  /** The entry of the load config, with the family's own keys in it. */
  readonly source: Source;
  /** Where the entry stands, for messages: "decoder.unet_sources[0], model.pth". */
  readonly origin: string;
  readonly given: TrainConfig;
  /** Path or URL of the load config, for messages. */
  readonly config: string;
  readonly arena: Arena;
  readonly warn: (message: string) => void;
}

/** The version of a family's library whose file it is taken for, and what follows from that, as plain data. */
export interface ReadAs {
  readonly version: string;
}

/** The weights of a model that come from one file of tensors. */
export interface DeclaredWeights {
  /** All of them. */
  readonly stores: readonly [WeightStore, ...WeightStore[]];
  /** Those that are read at once, before the model samples: small tables, such as noise schedules. */
  readonly tables?: WeightStore | undefined;
  /** Where a config contradicts the shapes in the file. */
  readonly misfit?: ConfigError | undefined;
  /** How it is read, where that differs among files of the family. */
  readonly dialect?: ReadAs | undefined;
}

/** A model whose weights are declared; nothing of it was read yet but headers. */
export interface Declared<Model> {
  readonly model: Model;
  /** What its weights come in, in the order in which they are used. */
  readonly components: readonly Component[];
  /** One for each file of tensors that it was built from. */
  readonly weights: readonly DeclaredWeights[];
}

/** Rows of a report: a title, and cells that are aligned by column. */
export interface ReportSection {
  readonly title: string;
  readonly rows: readonly (readonly string[])[];
}

/** What a family says of a checkpoint's headers. */
export interface FamilyReport {
  readonly component: string;
  /** How the checkpoint is read, as plain data. */
  readonly dialect: Readonly<Record<string, unknown>>;
  /** The same for people. */
  readonly sections: readonly ReportSection[];
  readonly warnings: readonly string[];
}

/**
 * A family of models: an architecture, the files that it comes in, and how it is sampled. It knows no other family, and
 * nobody but the list of families (families.ts) knows it.
 */
export interface Family {
  /** Name of the library that made its checkpoints, for messages. */
  readonly name: string;
  /** What is supported of it, in the words of a list: "priors and decoders of DALLE2-pytorch". */
  readonly supported: string;
  /** What names of tensors tell, to find its models in files. */
  readonly names: ModelNames;
  /** Its own keys beside `load_model_from` in a load config. */
  readonly configKeys: Readonly<Record<string, z.ZodType>>;
  /** What an opened file or folder holds of this family; undefined where it is none of its own. */
  claim(opened: Opened): Claim | undefined;
  /** Builds a prior. Throws `ConfigError`, `FormatError` or `WeightError`, each of which names the file. */
  prior?(request: BuildRequest<PriorSource>): Declared<Prior> | Promise<Declared<Prior>>;
  /** Builds a cascade of stages that may come from several files; as `prior`. */
  cascade?(requests: readonly BuildRequest<UnetSource>[]): Declared<Cascade> | Promise<Declared<Cascade>>;
  /** The runners of its kinds of fixtures. */
  readonly verify: ReadonlyMap<string, Runner>;
  /** Describes a checkpoint that it claims. */
  inspect(checkpoint: Checkpoint): FamilyReport;
  /** What a converted checkpoint says beside its tensors, for readers other than this library. */
  convertedMetadata(checkpoint: Checkpoint): Readonly<Record<string, string>>;
}
