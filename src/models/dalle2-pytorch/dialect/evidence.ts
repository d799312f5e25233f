import { priorNetworkPart, unetParts, type Component } from "./component.js";
import { priorClues } from "./detect-prior.js";
import { unetClues } from "./detect-unet.js";
import { clue, type Clue } from "./candidates.js";
import type { DialectOverrides } from "./overrides.js";
import type { Flag, KnownConfig } from "./relevance.js";
import type { SamplerMode } from "./dialect.js";
import type { Header } from "../../../weights/formats/tensor-scope.js";

/** Why a flag has its value. */
export interface Evidence {
  readonly value: unknown;
  readonly source: "version" | "names" | "absence" | "shapes" | "config" | "default" | "override";
  readonly detail: string;
}

/** The input for detecting a dialect. */
export interface DetectionInput {
  /** Path or URL of the checkpoint. */
  readonly name: string;
  readonly component: Component;
  readonly tensors: Header;
  readonly config: KnownConfig;
  readonly overrides: DialectOverrides;
  readonly mode: { readonly sampler: SamplerMode };
}

/** A dialect with its evidence. */
export interface Reading {
  readonly version: string;
  readonly evidence: ReadonlyMap<Flag, Evidence>;
  /** Flags that matter for the checkpoint and that nothing settles. */
  readonly assumed: readonly Flag[];
  readonly warnings: readonly string[];
}

/** Clues in names and shapes, without those for flags that the user sets. */
export function structuralClues({ component, tensors, overrides }: DetectionInput): readonly Clue[] {
  return [...componentClues(component, tensors), ...scheduleClues(tensors)].filter(({ flag }) => !(flag in overrides));
}

function componentClues(component: Component, tensors: Header): readonly Clue[] {
  switch (component) {
    case "decoder":
    case "unet":
      return unetParts(tensors).flatMap(unetClues);
    case "prior":
    case "priorNetwork":
      return priorClues(priorNetworkPart(tensors)!);
    case "clip":
      return [];
  }
}

function scheduleClues(tensors: Header): Clue[] {
  if (tensors.has("betas")) return [clue("noisePrefix", ["root"], "names", "betas")];
  const nested = [...tensors.keys()].find((name) => /^noise_schedulers?\./.test(name));
  return nested === undefined ? [] : [clue("noisePrefix", ["noiseScheduler"], "names", nested)];
}

/** Clues as evidence against settled flags: the first for each flag. */
export function clueEvidence(clues: readonly Clue[]): ReadonlyMap<Flag, Evidence> {
  return new Map(
    clues.toReversed().map(({ flag, values, source, detail }) => [flag, { value: values[0], source, detail }]),
  );
}

/** The same as text for a warning, one line for each flag. */
export function describeClues(clues: readonly Clue[]): readonly string[] {
  return [...clueEvidence(clues)].map(([flag, { value, detail }]) => `  ${flag} ${JSON.stringify(value)}: ${detail}`);
}
