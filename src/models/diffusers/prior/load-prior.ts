import { WeightStore } from "../../../weights/weight-store.js";
import type { Arena } from "../../../tensor/arena.js";
import { PRIOR_NAME } from "../../component.js";
import type { Declared } from "../../family.js";
import type { OpenedFolder } from "../../opened.js";
import { NETWORK_WEIGHTS, openComponent } from "../component-weights.js";
import { priorOptions, type PriorOptions } from "../config/prior-config.js";
import { componentsOf } from "../components.js";
import { ddpmSchedulerOptions } from "../config/ddpm-scheduler-config.js";
import { differs, readOptions, readSchedulerOptions, readUnclipScheduler, refuse } from "../read-options.js";
import { DdpmScheduler } from "../scheduler/ddpm-scheduler.js";
import type { UnclipScheduler } from "../scheduler/unclip-scheduler.js";
import { UnclipPrior, type UnclipPriorOptions } from "./unclip-prior.js";

/** The components of a prior in a folder. */
export interface PriorComponents {
  readonly prior: string;
  readonly scheduler: string;
}

/** What is particular to the prior of a family, beside its configs. */
export type PriorDefaults = Omit<UnclipPriorOptions, "network" | "scheduler">;

/** A prior with its scheduler. */
export interface ReadPrior {
  readonly network: PriorOptions;
  readonly scheduler: UnclipScheduler | DdpmScheduler;
}

/** The options of a prior. Rejects with `FileError`, or `ConfigError` for options that are not supported or do not fit. */
export async function readPrior(folder: OpenedFolder, components: PriorComponents): Promise<ReadPrior> {
  const network: PriorOptions = await readOptions(folder, components.prior, priorOptions);
  const scheduler = await readScheduler(folder, components.scheduler);
  checkPrior(folder.name, network, components);
  const problem = `${components.scheduler} has variance_type learned_range, but a prior predicts no variance`;
  refuse(folder.name, scheduler.options.learnedVariance ? problem : undefined);
  return { network, scheduler };
}

/** Reads the scheduler of a prior, by its class. */
async function readScheduler(folder: OpenedFolder, component: string): Promise<ReadPrior["scheduler"]> {
  if (componentsOf(folder).get(component)?.name !== "DDPMScheduler") return readUnclipScheduler(folder, component);
  return new DdpmScheduler(await readSchedulerOptions(folder, component, ddpmSchedulerOptions));
}

/** The tokens behind the encodings of a text: its embedding, the timestep, the noised image embedding, and the prediction. */
const TOKENS = 4;

/** Throws `ConfigError` if a prior does not make image embeddings of its own width. */
export function checkPrior(folder: string, network: PriorOptions, { prior }: Pick<PriorComponents, "prior">): void {
  const { hasPredictionToken, additionalTokens, embedDim, outputDim } = network;
  const noToken = `${prior} has no added_emb_type, so it predicts tokens and no image embedding`;
  refuse(folder, hasPredictionToken ? undefined : noToken);
  const other = `${prior} predicts embeddings of ${outputDim} values (clip_embed_dim) from ${embedDim} (embedding_dim)`;
  refuse(
    folder,
    differs(`${prior} has additional_embeddings`, additionalTokens, "but a prior that runs in steps has", TOKENS) ??
      (outputDim === embedDim ? undefined : other),
  );
}

/** Builds a prior. Rejects with `ConfigError`, `FormatError` or `FileError`, which name the file. */
export async function declarePrior(
  folder: OpenedFolder,
  arena: Arena,
  components: PriorComponents,
  defaults: PriorDefaults,
): Promise<Declared<UnclipPrior>> {
  const { network, scheduler } = await readPrior(folder, components);
  const store = new WeightStore(arena, await openComponent(folder, components.prior, NETWORK_WEIGHTS));
  const model = new UnclipPrior(store.root, { ...defaults, network, scheduler });
  return { model, components: [{ name: PRIOR_NAME, weights: store }], weights: [{ stores: [store] }] };
}
