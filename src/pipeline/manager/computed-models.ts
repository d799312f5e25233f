import type { Cascade, Encoders, Prior } from "../../models/interfaces.js";
import { ArgumentError } from "../../platform/arguments.js";
import { warnOnConsole } from "../../platform/printable.js";
import type { Arena } from "../../tensor/arena.js";
import { ComputedModel } from "./computed-model.js";
import type { Loaded, ModelEntries, ModelLoader } from "./load-models.js";
import type { LoadingOptions } from "./loading-options.js";
import type { Offloader } from "./offload.js";

/** The loaded models of a load config. */
export interface Models {
  readonly prior: Loaded<Prior> | undefined;
  readonly decoder: Loaded<Cascade> | undefined;
  readonly clip: Loaded<Encoders> | undefined;
}

/** Options of `ComputedModels`. */
export interface ComputingOptions extends LoadingOptions {
  /** Whether a component is repeated in f32 if its values are not finite in f16. */
  readonly repeats: boolean;
}

/** The models of a load config, whose components compute in f16 or f32. */
export class ComputedModels {
  readonly prior: ComputedModel<Prior> | undefined;
  readonly decoder: ComputedModel<Cascade> | undefined;
  readonly clip: ComputedModel<Encoders> | undefined;

  constructor(
    { prior, decoder, clip }: Models,
    loader: ModelLoader,
    entries: ModelEntries,
    arena: Arena,
    offload: Offloader,
    options: ComputingOptions,
  ) {
    // The same files were opened before: no server is asked again, and warnings are not repeated. The signal belongs to the
    // first loading, which is over; each call has its own.
    const loading = { ...options, checkUpdates: false, onWarning: () => undefined, signal: undefined };
    const again = loader.inF32(loading);
    const { onWarning: warn = warnOnConsole, repeats } = options;
    const computed = <Model>(loaded: Loaded<Model>, inF32: () => Promise<Loaded<Model>>): ComputedModel<Model> =>
      new ComputedModel(loaded, { arena, offload, inF32, repeats, warn });
    this.prior = prior && computed(prior, () => again.prior(entries.prior!));
    this.decoder = decoder && computed(decoder, () => again.decoder(entries.decoder!));
    this.clip = clip && computed(clip, () => again.clip(entries.clip!));
  }

  get #all(): ComputedModel<unknown>[] {
    return [this.clip, this.prior, this.decoder].filter((model) => model !== undefined);
  }

  /** Makes the components with these names compute in f32. Rejects with `ArgumentError` for an unknown name. */
  async computeInF32(names: readonly string[]): Promise<void> {
    const known = this.#all.flatMap(({ loaded }) => loaded.components.map(({ name }) => name));
    const unknown = names.find((name) => !known.includes(name));
    if (unknown !== undefined) {
      throw new ArgumentError(
        "computeInF32",
        `computeInF32 has ${JSON.stringify(unknown)}, but the components are: ${known.join(", ")}.`,
      );
    }
    for (const model of this.#all) await model.computeInF32(names);
  }

  dispose(): void {
    for (const model of this.#all) model.dispose();
  }
}
