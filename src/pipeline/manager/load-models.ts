import { ConfigError } from "../../config/config-error.js";
import type { ClipSource, FileLocation, ModelSource, PriorSource, UnetSource } from "../../config/load-config-data.js";
import { restartOnChange } from "../../files/changed.js";
import { IMAGE_ENCODER, TEXT_ENCODER, type Component } from "../../models/component.js";
import { kindsOf } from "../../models/diffusers/claimed-components.js";
import { familyOf } from "../../models/families.js";
import type { BuildRequest, Declared, DeclaredWeights, Family, ReadAs } from "../../models/family.js";
import type { Cascade, Encoders, Prior } from "../../models/interfaces.js";
import type { Opened } from "../../models/opened.js";
import { loadPart } from "../../platform/load-part.js";
import { warnOnConsole } from "../../platform/printable.js";
import type { Arena } from "../../tensor/arena.js";
import { WeightSet } from "../../weights/weight-set.js";
import type { ModelKind } from "../../weights/tree/model-names.js";
import { WeightError } from "../../weights/weight-error.js";
import type { ModelLoadConfig } from "../load-config.js";
import { openClipFile } from "./clip-file.js";
import type { LoadingOptions } from "./loading-options.js";
import { withPublishedConfig } from "./published-clip-config.js";
import { openEntry, type EntryOptions } from "./open-entry.js";
import { pipelineFolders } from "./pipeline-folders.js";
import { trainConfigOf } from "./train-config-of.js";

/** The library and version that a file of a model was read as. */
export interface Origin {
  /** Name of the library. */
  readonly family: string;
  /** Version and dialect, if they matter for the family. */
  readonly dialect: ReadAs | undefined;
}

/** A model whose files are open and checked. Its weights are not on the GPU yet. */
export interface Loaded<Model> {
  readonly model: Model;
  /** One for each file of tensors; none for a CLIP. */
  readonly origins: readonly Origin[];
  /** Its components. Those of a CLIP are its text encoder and its image encoder. */
  readonly components: readonly Component[];
  /** Frees the model and closes its files. */
  dispose(): void;
}

/** An entry of a load config: the prior, a source of U-Nets, or a folder with CLIP. */
interface Entry<Source> {
  readonly kind: ModelKind;
  readonly source: Source;
  /** Its path in the load config. */
  readonly place: string;
}

/** An opened file or folder, and its family. */
interface Found<Source> {
  readonly family: Family;
  readonly request: BuildRequest<Source>;
}

/** The models to load, each as an entry of a load config. */
export interface ModelEntries {
  readonly prior: PriorSource | undefined;
  readonly decoder: { readonly unet_sources: readonly UnetSource[] } | undefined;
  readonly clip: ClipSource | ClipInFolder | undefined;
}

/** The encoders in a folder of models. */
export interface ClipInFolder {
  readonly load_model_from: FileLocation;
  /** Name of the folder. */
  readonly folder: string;
}

/** How a loader reads files. */
export interface ModelLoaderOptions {
  /** If true, tables are not read either. Models then have the right sizes, but cannot sample. Default false. */
  readonly headersOnly?: boolean;
  /** Whether weights in f16 are read, if a folder has some beside others. Default: if the dtype is f16. */
  readonly prefersF16?: boolean;
}

/**
 * Builds the models of a load config, each by the family of its file. `arena` is for their weights. Only headers and small
 * tables are read.
 */
export class ModelLoader {
  readonly #options: EntryOptions;
  readonly #headersOnly: boolean;

  constructor(
    private readonly arena: Arena,
    private readonly config: ModelLoadConfig,
    options: LoadingOptions,
    { headersOnly = false, prefersF16 = arena.dtype === "f16" }: ModelLoaderOptions = {},
  ) {
    const { remote = "early" } = options;
    this.#options = { ...options, remote, prefersF16 };
    this.#headersOnly = headersOnly;
  }

  /** A loader of the same files to models in f32. */
  inF32(options: LoadingOptions): ModelLoader {
    return new ModelLoader(this.arena.withType("f32"), this.config, options, this.#options);
  }

  /** The entries of the load config, or of the models in the folders of its pipeline. Rejects as `prior`. */
  async entries(): Promise<ModelEntries> {
    const { pipeline, prior, decoder, clip } = this.config.data;
    if (!pipeline) return { prior: prior ?? undefined, decoder: decoder ?? undefined, clip: clip ?? undefined };
    const folders = await pipelineFolders(this.config, pipeline, this.#options);
    const having = (kind: ModelKind) => folders.find(({ kinds }) => kinds.includes(kind));
    const [ofPrior, ofDecoder, ofClip] = [having("prior"), having("decoder"), having("clip")];
    return {
      prior: ofPrior && { load_model_from: ofPrior.file },
      // No numbers: all of its U-Nets.
      decoder: ofDecoder && { unet_sources: [{ load_model_from: ofDecoder.file, unet_numbers: [] }] },
      clip: ofClip && { load_model_from: ofClip.file, folder: ofClip.name },
    };
  }

  /** Loads the prior. Rejects with `ConfigError`, `FormatError` or `WeightError`, which name the file. */
  prior(source: PriorSource): Promise<Loaded<Prior>> {
    return restartOnChange(() =>
      this.#load([{ kind: "prior", source, place: "prior" }], (family, [request]) => family.prior?.(request!)),
    );
  }

  /** Loads the decoder from one checkpoint, or from several of one family. Rejects as `prior`. */
  decoder({ unet_sources: sources }: { readonly unet_sources: readonly UnetSource[] }): Promise<Loaded<Cascade>> {
    const entries = sources.map((source, i) => ({
      kind: "decoder" as const,
      source,
      place: `decoder.unet_sources[${i}]`,
    }));
    return restartOnChange(() => this.#load(entries, (family, requests) => family.cascade?.(requests)));
  }

  /** Loads CLIP. Its two encoders are separate components. */
  clip(source: ClipSource | ClipInFolder): Promise<Loaded<Encoders>> {
    return restartOnChange(() => this.#clip(source));
  }

  async #clip(source: ClipSource | ClipInFolder): Promise<Loaded<Encoders>> {
    if ("folder" in source) return this.#clipInFolder(source.load_model_from);
    const file = await openClipFile(source, this.config, this.#options);
    if (file.kind === "folder") {
      await file.close();
      if (source.base_model_kwargs === null) return this.#clipInFolder(source.load_model_from!);
      throw new ConfigError(
        `${this.config.source} has clip.base_model_kwargs, but ${file.name} is a folder of models, which has its own configs`,
      );
    }
    try {
      const described = await withPublishedConfig(source, file, this.config, this.#options);
      const { createClip } = await loadPart("CLIP", () => import("../../models/clip/create.js"));
      const { clip, text, image, weights, warnings } = createClip(described, file, this.arena);
      for (const warning of warnings) this.#warn(warning);
      this.#check(weights);
      const components = [
        { name: TEXT_ENCODER, weights: text },
        { name: IMAGE_ENCODER, weights: image },
      ];
      const dispose = (): void => {
        weights.dispose();
        closeQuietly(file);
      };
      const model = { text: clip, image: clip, dimLatent: clip.dimLatent };
      return { model, origins: [], components, dispose };
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  #clipInFolder(file: FileLocation): Promise<Loaded<Encoders>> {
    const entry = { kind: "clip", source: { load_model_from: file }, place: "clip" } as const;
    return this.#load<ModelSource, Encoders>([entry], (family, [request]) => family.encoders?.(request!));
  }

  /** Opens the files of a model, builds it by their family, and checks that all weights fit. */
  async #load<Source extends ModelSource, Model>(
    entries: readonly Entry<Source>[],
    build: (
      family: Family,
      requests: readonly BuildRequest<Source>[],
    ) => Declared<Model> | Promise<Declared<Model>> | undefined,
  ): Promise<Loaded<Model>> {
    const opened: Opened[] = [];
    try {
      const found: Found<Source>[] = [];
      for (const entry of entries) found.push(await this.#find(entry, opened));
      const family = this.#onlyFamily(found);
      const requests = found.map(({ request }) => request);
      const built = build(family, requests);
      if (!built) throw new ConfigError(`${this.config.source}: ${family.name} has no ${entries[0]!.kind}`);
      const { model, components, weights } = await built;
      const sets = weights.map(({ stores }) => new WeightSet(stores));
      for (const [i, { misfit }] of weights.entries()) this.#check(sets[i]!, misfit);
      if (!this.#headersOnly) await this.#readTables(weights);
      const dispose = (): void => {
        for (const set of sets) set.dispose();
        for (const one of opened) closeQuietly(one);
      };
      return { model, origins: weights.map(({ dialect }) => ({ family: family.name, dialect })), components, dispose };
    } catch (error) {
      for (const one of opened) await one.close();
      throw error;
    }
  }

  /** Opens a file or folder, adds it to `opened`, and finds its family. */
  async #find<Source extends ModelSource>(
    { kind, source, place }: Entry<Source>,
    opened: Opened[],
  ): Promise<Found<Source>> {
    const { config, arena } = this;
    const model = await openEntry(config, source, kind, this.#options);
    opened.push(model);
    const { family, claim } = familyOf(model);
    if (!kindsOf(claim).includes(kind)) {
      throw new ConfigError(`${config.source} names ${model.name} as a ${kind}, but that holds ${claim.words}`);
    }
    const given = await trainConfigOf(model, source.load_config_from, config, this.#options);
    const { pipeline } = config.data;
    const isPipeline = source.load_model_from === pipeline;
    const origin = `${isPipeline ? "pipeline" : pipeline ? "pipeline.prior" : place}, ${config.describe(source.load_model_from)}`;
    const warn = (message: string): void => {
      this.#warn(message);
    };
    return { family, request: { opened: model, source, origin, given, config: config.source, arena, warn } };
  }

  /** Throws `ConfigError` if U-Nets are of several families, which cannot be combined. */
  #onlyFamily(found: readonly Found<unknown>[]): Family {
    const { family } = found[0]!;
    const other = found.find((one) => one.family !== family);
    if (!other) return family;
    throw new ConfigError(
      `${this.config.source} combines models of ${family.name} (${found[0]!.request.origin}) and of ${other.family.name} (${other.request.origin}): take all of them from one family`,
    );
  }

  /** Reads small tables on the host, such as noise schedules, since checks of a call need the number of timesteps. */
  async #readTables(weights: readonly DeclaredWeights[]): Promise<void> {
    const { signal } = this.#options;
    for (const { tables } of weights) await tables?.fill({ signal });
  }

  /** Reports all tensors that do not fit, and a config that does not fit, before weights are read. */
  #check(weights: WeightSet, misfit?: ConfigError): void {
    const { strict_loading: strict } = this.config.data;
    const problems = weights.problems();
    if (strict && problems) throw new WeightError(weights.stores[0].source.name, problems, misfit?.message);
    if (strict && misfit) throw misfit;
    if (misfit && !problems) this.#warn(misfit.message);
    weights.check({
      strict,
      onWarning: (message) => {
        this.#warn(message);
      },
    });
  }

  #warn(message: string): void {
    const { onWarning = warnOnConsole } = this.#options;
    onWarning(message);
  }
}

/** Closes a file. Errors do not matter for a file that was only read. */
function closeQuietly(file: { close(): Promise<void> }): void {
  file.close().catch(() => undefined);
}
