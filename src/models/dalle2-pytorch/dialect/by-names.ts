import type { Component } from "./component.js";
import { configClues } from "./detect-config.js";
import { agrees, candidateEpochs, clue, contains, epochs, flagIn, type Clue, type Epoch } from "./candidates.js";
import {
  clueEvidence,
  describeClues,
  structuralClues,
  type Evidence,
  type DetectionInput,
  type Reading,
} from "./evidence.js";
import { flagsOf, relevantFlags, type Flag } from "./relevance.js";
import { NETWORK_HISTORY } from "./table.js";
import { ambiguityWarning, describeVersions } from "./warning.js";

/**
 * The versions to assume if several fit; the first that fits counts. They trained the public checkpoints without a version
 * (REFERENCE.md §10 to §12). If the same order of modules was first the only one and later an option, the version without
 * the option counts. If none fits, the newest candidate counts.
 */
const LIKELY_DECODERS = ["1.1.0", "0.23.10", "0.16.2", "0.14.0", "0.8.0"];
const LIKELY_PRIORS = ["1.1.0", "0.19.6"];
const LIKELY: Readonly<Record<Component, readonly string[]>> = {
  decoder: LIKELY_DECODERS,
  unet: LIKELY_DECODERS,
  prior: LIKELY_PRIORS,
  priorNetwork: LIKELY_PRIORS,
  clip: [],
};

/** The versions that fit, and the chosen one. */
interface Choice {
  readonly candidates: readonly Epoch[];
  readonly epoch: Epoch;
  readonly version: string;
}

/**
 * The dialect of a checkpoint without a version: the flags on which the fitting versions agree, and the most likely values
 * for the others.
 */
export function readByNames(input: DetectionInput): Reading {
  const structure = structuralClues(input);
  const hints = [...overrideClues(input), ...configClues(input.config)];
  const choice = choose(input, structure, hints);
  const { version, epoch } = choice;
  const evidence = new Map<Flag, Evidence>();
  const assumed: Flag[] = [];
  const relevant = relevantFlags(input.component, input.tensors, input.config);
  for (const flag of flagsOf(input.component)) {
    const found = [...structure, ...hints].find((one) => one.flag === flag && agrees(epoch.dialect.network, one));
    const evident = explain(flag, choice, found, relevant.has(flag));
    evidence.set(flag, evident);
    if (evident.source === "default" && relevant.has(flag) && !(flag in input.overrides)) assumed.push(flag);
  }
  const contradictions = structure.filter((found) => !agrees(epoch.dialect.network, found));
  for (const [flag, evident] of clueEvidence(contradictions)) evidence.set(flag, evident);

  const warnings: string[] = [];
  if (contradictions.length > 0) warnings.push(mixtureWarning(input.name, version, contradictions));
  if (assumed.length > 0)
    warnings.push(ambiguityWarning(input.name, { version, flags: assumed, epoch }, choice.candidates));
  return { version, evidence, assumed, warnings };
}

function choose({ component, mode }: DetectionInput, structure: readonly Clue[], hints: readonly Clue[]): Choice {
  const candidates = hints.reduce(narrow, candidateEpochs(epochs(mode), structure));
  for (const version of LIKELY[component]) {
    const epoch = candidates.find((candidate) => contains(candidate, version));
    if (epoch) return { candidates, epoch, version };
  }
  const newest = candidates.at(-1)!;
  return { candidates, epoch: newest, version: newest.since };
}

/** The candidates that agree with a clue; all of them if none agrees, because names weigh more. */
function narrow(candidates: readonly Epoch[], hint: Clue): readonly Epoch[] {
  const left = candidates.filter(({ dialect }) => agrees(dialect.network, hint));
  return left.length > 0 ? left : candidates;
}

/** Clues from the network flags that the user sets. */
function overrideClues({ overrides }: DetectionInput): readonly Clue[] {
  const flags = (Object.keys(NETWORK_HISTORY) as (keyof typeof NETWORK_HISTORY)[]).filter((flag) => flag in overrides);
  return flags.map((flag) => clue(flag, [overrides[flag]!], "override", "dialect in the load config"));
}

function explain(
  flag: Flag,
  { candidates, epoch, version }: Choice,
  found: Clue | undefined,
  relevant: boolean,
): Evidence {
  const value = flagIn(epoch, flag);
  const agreed = candidates.every((other) => flagIn(other, flag) === value);
  if (found && (agreed || !relevant)) return { value, source: found.source, detail: found.detail };
  const fitting = describeVersions(candidates);
  if (agreed) return { value, source: "names", detail: `the same in all versions that fit (${fitting})` };
  if (!relevant) return { value, source: "default", detail: "makes no difference to these tensors" };
  return { value, source: "default", detail: `as in ${version}; versions that fit are ${fitting}` };
}

function mixtureWarning(name: string, version: string, contradictions: readonly Clue[]): string {
  return [
    `${name} does not say which version of DALLE2-pytorch made it, and no version has all of its names and shapes. ` +
      `It is read as ${version}, except for`,
    ...describeClues(contradictions),
    'If results look wrong, set "version", or single flags as "dialect", beside load_model_from.',
  ].join("\n");
}
