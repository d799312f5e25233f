/**
 * Which versions of DALLE2-pytorch can have written a state dict: those whose flags agree with every clue in its names and
 * shapes. Flags on which all of them agree are settled; the others must be chosen.
 */
import { compareVersions, dialectForVersion, type Dialect, type SamplerMode } from "./dialect.js";
import type { NetworkDialect, SamplerDialect } from "./flags.js";
import { NETWORK_HISTORY, SAMPLER_HISTORY } from "./table.js";

/** A clue about a flag: the possible values, the most likely first. */
export interface Clue {
  readonly flag: keyof NetworkDialect;
  readonly values: readonly NetworkDialect[keyof NetworkDialect][];
  /** `absence`: a name is missing, which may also mean that the file is damaged. */
  readonly source: "names" | "absence" | "shapes" | "config" | "override";
  /** The evidence: a tensor's name, its shape, an option. */
  readonly detail: string;
}

/** A {@link Clue} with values of its flag's type. */
export function clue<Flag extends keyof NetworkDialect>(
  flag: Flag,
  values: readonly NetworkDialect[Flag][],
  source: Clue["source"],
  detail: string,
): Clue {
  return { flag, values, source, detail };
}

/** Consecutive versions with the same dialect. */
export interface Epoch {
  readonly since: string;
  /** The first version after it; undefined for the last epoch. */
  readonly before: string | undefined;
  readonly dialect: Dialect;
}

/** All epochs, in order of time. */
export function epochs(mode: { readonly sampler: SamplerMode }): readonly Epoch[] {
  let all = EPOCHS.get(mode.sampler);
  if (all === undefined) EPOCHS.set(mode.sampler, (all = makeEpochs(mode)));
  return all;
}

const EPOCHS = new Map<SamplerMode, readonly Epoch[]>();

function makeEpochs(mode: { readonly sampler: SamplerMode }): readonly Epoch[] {
  const histories = [...Object.values(NETWORK_HISTORY), ...Object.values(SAMPLER_HISTORY)];
  const starts = [...new Set(histories.flatMap((history) => history.map(([since]) => since)))].sort(compareVersions);
  return starts.map((since, i) => ({ since, before: starts[i + 1], dialect: dialectForVersion(since, mode) }));
}

/** The epochs that agree with every clue; if there are none, those that agree with the most clues. */
export function candidateEpochs(all: readonly Epoch[], clues: readonly Clue[]): readonly Epoch[] {
  const scores = all.map(({ dialect }) => clues.filter((hint) => agrees(dialect.network, hint)).length);
  const best = Math.max(...scores);
  return all.filter((_, i) => scores[i] === best);
}

export function agrees(network: NetworkDialect, { flag, values }: Clue): boolean {
  return values.includes(network[flag]);
}

/** Runs of consecutive epochs with the same `key`. */
export function bands(candidates: readonly Epoch[], key: (epoch: Epoch) => string): readonly Epoch[] {
  const merged: Epoch[] = [];
  for (const epoch of candidates) {
    const last = merged.at(-1);
    if (last?.before === epoch.since && key(last) === key(epoch))
      merged.splice(-1, 1, { ...last, before: epoch.before });
    else merged.push(epoch);
  }
  return merged;
}

/** True if a version is in an epoch. */
export function contains({ since, before }: Epoch, version: string): boolean {
  if (compareVersions(version, since) < 0) return false;
  return before === undefined || compareVersions(version, before) < 0;
}

/** The value of a flag in an epoch. */
export function flagIn(
  { dialect: { network, sampler } }: Epoch,
  flag: keyof NetworkDialect | keyof SamplerDialect,
): unknown {
  return flag in network ? network[flag as keyof NetworkDialect] : sampler[flag as keyof SamplerDialect];
}
