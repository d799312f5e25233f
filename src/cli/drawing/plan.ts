import type { CallOptions } from "../../pipeline/script-options.js";
import { fileNameOf } from "./picture-files.js";
import type { PictureRecord } from "./picture-record.js";
import { randomSeed } from "../../pipeline/random-seed.js";

/** A picture that a command will draw. */
export interface PlannedPicture {
  readonly seed: number;
  /** Name of its file, without extension. */
  readonly name: string;
  /** What it is drawn from, as `--json` reports and its file records it: prompt, names of files. */
  readonly inputs: PictureRecord["inputs"];
}

/** What a command draws. */
export interface DrawingPlan {
  /** In the order in which the call hands them out. */
  readonly pictures: readonly PlannedPicture[];
  /** Calls the script; each picture of the call has its seed. */
  readonly draw: (call: CallOptions) => Promise<unknown>;
  /** The record of a picture that is drawn again. */
  readonly repeats?: PictureRecord | undefined;
}

/** What pictures are drawn of: their files are named after it. */
export type Subject = Pick<PlannedPicture, "name" | "inputs">;

/** `samples` pictures of each subject, side by side, with a seed for each. */
export function planSamples(subjects: readonly Subject[], samples: number, firstSeed = randomSeed()): PlannedPicture[] {
  const repeated = subjects.flatMap((subject) => new Array<Subject>(samples).fill(subject));
  return repeated.map(({ name, inputs }, i) => {
    const seed = firstSeed + i;
    return { seed, name: `${fileNameOf(name)}-${seed}`, inputs };
  });
}

/** The pictures of a series, which share a seed. Their names sort in their order. */
export function planFrames({ name, inputs }: Subject, frames: number, seed: number): PlannedPicture[] {
  const start = `${fileNameOf(name)}-${seed}`;
  if (frames === 1) return [{ seed, name: start, inputs }];
  const digits = String(frames).length;
  return Array.from({ length: frames }, (_, i) => ({
    seed,
    name: `${start}-${String(i + 1).padStart(digits, "0")}`,
    inputs: { ...inputs, frame: i + 1 },
  }));
}
