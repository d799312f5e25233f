// Keeps what was entered in this browser, without images.
import type { Draft, ModelSettings } from "./draft.svelte.js";
import { LIMITS, numberWithin } from "./limits.js";
import { samplerNamed, type Sampling } from "dalle2-webgpu/requests";

const KEY = "dalle2app.draft";

const TEXTS = [
  "prompts",
  "inpaintPrompts",
  "variationsCaption",
  "upscaleCaption",
  "negative",
  "start",
  "end",
  "before",
  "after",
] as const;
const NUMBERS = ["count", "seed", "interpolateFrames", "editFrames", "strength", "resampleTimes"] as const;

/** The part of a draft that is kept. */
type Kept = Partial<
  Pick<Draft, (typeof TEXTS)[number] | (typeof NUMBERS)[number] | "isSeedLocked" | "ends" | "settings">
>;

/** Fills a draft with what was kept, and keeps it from now on. Returns what ends that. `storage` is absent where nothing is kept. */
export function keepDraft(draft: Draft, storage: Pick<Storage, "getItem" | "setItem"> | undefined): () => void {
  Object.assign(draft, parseKept(storage?.getItem(KEY)));
  return $effect.root(() => {
    $effect(() => {
      const text = JSON.stringify(keptOf(draft));
      try {
        storage?.setItem(KEY, text);
      } catch {
        // No room, or not allowed: it counts until the page is closed.
      }
    });
  });
}

function keptOf(draft: Draft): Kept {
  const names = [...TEXTS, ...NUMBERS, "isSeedLocked", "ends", "settings"] as const;
  return Object.fromEntries(names.map((name) => [name, draft[name]]));
}

/** What was kept, without whatever is not as it should be: an older version of the page may have kept other things. */
export function parseKept(text: string | null | undefined): Kept {
  const given = recordOf(parsed(text ?? "{}"));
  const texts = TEXTS.filter((name) => typeof given[name] === "string").map((name) => [name, given[name]] as const);
  const numbers = NUMBERS.map((name) => [name, numberWithin(LIMITS[name], given[name])] as const);
  const { isSeedLocked, ends, settings } = given;
  return {
    ...Object.fromEntries([...texts, ...numbers.filter(([, value]) => value !== undefined)]),
    ...(typeof isSeedLocked === "boolean" && { isSeedLocked }),
    ...((ends === "prompts" || ends === "images") && { ends }),
    settings: Object.fromEntries(Object.entries(recordOf(settings)).map(([id, own]) => [id, settingsIn(own)])),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function settingsIn(json: unknown): ModelSettings {
  const { prior, unets, sampler, startAtUnetNumber, size, noiseLevel } = recordOf(json);
  const [width, height] = [recordOf(size).width, recordOf(size).height].map((side) => numberWithin(LIMITS.side, side));
  return {
    prior: {
      ...samplingIn(prior),
      sampler: samplerNamed(recordOf(prior).sampler),
      candidates: numberWithin(LIMITS.candidates, recordOf(prior).candidates),
    },
    unets: Array.isArray(unets) ? unets.map(samplingIn) : [],
    sampler: samplerNamed(sampler),
    size: width !== undefined && height !== undefined ? { width, height } : undefined,
    noiseLevel: numberWithin(LIMITS.noiseLevel, noiseLevel),
    startAtUnetNumber: numberWithin(LIMITS.startAtUnetNumber, startAtUnetNumber),
  };
}

function samplingIn(json: unknown): Sampling {
  const { steps, condScale } = recordOf(json);
  return { steps: numberWithin(LIMITS.steps, steps), condScale: numberWithin(LIMITS.condScale, condScale) };
}

function recordOf(json: unknown): Readonly<Record<string, unknown>> {
  return typeof json === "object" && json !== null ? (json as Record<string, unknown>) : {};
}
