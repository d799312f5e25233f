import { ConfigError } from "../../config/config-error.js";
import type { ClipSource, PriorSource, UnetSource } from "../../config/load-config-data.js";
import { createClip } from "../../models/clip/create.js";
import { IMAGE_ENCODER, TEXT_ENCODER, type Component } from "../../models/component.js";
import { familyOf } from "../../models/families.js";
import type { BuildRequest, Claim, Declared, DeclaredWeights, Family, ReadAs } from "../../models/family.js";
import type { Cascade, Encoders, Prior } from "../../models/interfaces.js";
import type { Opened } from "../../models/opened.js";
import { warnOnConsole } from "../../platform/printable.js";
import type { Arena } from "../../tensor/arena.js";
import { WeightSet } from "../../weights/weight-set.js";
import type { ModelKind } from "../../weights/tree/model-names.js";
import { WeightError } from "../../weights/weight-error.js";
import type { ModelLoadConfig } from "../load-config.js";
import { openClipFile } from "./clip-file.js";
import type { LoadingOptions } from "./loading-options.js";
import { withPublishedConfig } from "./published-clip-config.js";
import { openEntry } from "./open-entry.js";
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

/** An entry of a load config: the prior, or a source of U-Nets. */
interface Entry<Source> {
  readonly kind: "prior" | "decoder";
  readonly source: Source;
  /** Its path in the load config. */
  readonly place: string;
}

/** An opened file or folder, and its family. */
interface Found<Source> {
  readonly family: Family;
  readonly request: BuildRequest<Source>;
}

/**
 * Builds the models of a load config, each by the family of its file. `arena` is for their weights. Only headers and small
 * tables are read.
 */
export class ModelLoader {
  constructor(
    private readonly arena: Arena,
    private readonly config: ModelLoadConfig,
    private readonly options: LoadingOptions,
    /** With `headersOnly`, tables are not read either. Models then have the right sizes, but cannot sample. */
    private readonly extent: { readonly headersOnly?: boolean } = {},
  ) {}

  /** Loads the prior. Rejects with `ConfigError`, `FormatError` or `WeightError`, which name the file. */
  prior(source: PriorSource): Promise<Loaded<Prior>> {
    return this.#load([{ kind: "prior", source, place: "prior" }], (family, [request]) => family.prior?.(request!));
  }

  /** Loads the decoder from one checkpoint, or from several of one family. Rejects as `prior`. */
  decoder({ unet_sources: sources }: { readonly unet_sources: readonly UnetSource[] }): Promise<Loaded<Cascade>> {
    const entries = sources.map((source, i) => ({
      kind: "decoder" as const,
      source,
      place: `decoder.unet_sources[${i}]`,
    }));
    return this.#load(entries, (family, requests) => family.cascade?.(requests));
  }

  /** Loads CLIP. Its two encoders are separate components. */
  async clip(source: ClipSource): Promise<Loaded<Encoders>> {
    const file = await openClipFile(source, this.config, this.options);
    try {
      const described = await withPublishedConfig(source, file, this.config, this.options);
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

  /** Opens the files of a model, builds it by their family, and checks that all weights fit. */
  async #load<Source extends PriorSource | UnetSource, Model>(
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
      if (!this.extent.headersOnly) await this.#readTables(weights);
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
  async #find<Source extends PriorSource | UnetSource>(
    { kind, source, place }: Entry<Source>,
    opened: Opened[],
  ): Promise<Found<Source>> {
    const { config, arena } = this;
    const model = await openEntry(config, source, kind, this.options);
    opened.push(model);
    const { family, claim } = familyOf(model);
    if (!isLoadedAs(claim, kind)) {
      throw new ConfigError(`${config.source} names ${model.name} as a ${kind}, but that holds ${claim.words}`);
    }
    const given = await trainConfigOf(model, source.load_config_from, config, this.options);
    const origin = `${place}, ${config.describe(source.load_model_from)}`;
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
    const { signal } = this.options;
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
    const { onWarning = warnOnConsole } = this.options;
    onWarning(message);
  }
}

function isLoadedAs({ kind }: Claim, wanted: ModelKind): boolean {
  return typeof kind === "object" ? kind.includes(wanted) : kind === wanted;
}

/** Closes a file. Errors do not matter for a file that was only read. */
function closeQuietly(file: { close(): Promise<void> }): void {
  file.close().catch(() => undefined);
}
