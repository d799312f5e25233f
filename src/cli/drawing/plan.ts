import type { DrawnOn, ImageRecord } from "../../pipeline/records/image-record.js";
import type { CallOptions } from "../../pipeline/script-options.js";
import { fileNameOf } from "./picture-files.js";
import { followingSeeds, nameWithSeed, type Seeded, type SeedFlags } from "./seeds.js";

/** A picture that a command will draw. */
export interface PlannedPicture extends Seeded {
  /** Name of its file, without extension. */
  readonly name: string;
  /** What it is drawn from, as `--json` reports and its file records it: prompt, names of files. */
  readonly inputs: ImageRecord["inputs"];
}

/** What a command draws. */
export interface DrawingPlan {
  /** In the order in which the call hands them out. */
  readonly pictures: readonly PlannedPicture[];
  /** Calls the script; each picture of the call has its seed. */
  readonly draw: (call: CallOptions) => Promise<unknown>;
  /** What a picture that is drawn again was drawn on. */
  readonly repeats?: DrawnOn | undefined;
}

/** What pictures are drawn of: their files are named after it. */
export type Subject = Pick<PlannedPicture, "name" | "inputs">;

/** `samples` pictures of each subject, side by side, with a seed for each. */
export function planSamples(subjects: readonly Subject[], samples: number, flags: SeedFlags): PlannedPicture[] {
  const repeated = subjects.flatMap((subject) => new Array<Subject>(samples).fill(subject));
  return followingSeeds(flags, repeated.length).map((seeded, i) => {
    const { name, inputs } = repeated[i]!;
    return { ...seeded, name: nameWithSeed(fileNameOf(name), seeded), inputs };
  });
}

/** Pictures that share a seed. */
export interface PlannedSeries extends Seeded {
  readonly pictures: readonly PlannedPicture[];
}

/** A series of each subject, with a seed for each. */
export function planSeries(subjects: readonly Subject[], frames: number, flags: SeedFlags): PlannedSeries[] {
  return followingSeeds(flags, subjects.length).map((seeded, i) => ({
    ...seeded,
    pictures: planFrames(subjects[i]!, frames, seeded),
  }));
}

/** The pictures of a series. Their names sort in their order. */
function planFrames({ name, inputs }: Subject, frames: number, seeded: Seeded): PlannedPicture[] {
  const start = nameWithSeed(fileNameOf(name), seeded);
  if (frames === 1) return [{ ...seeded, name: start, inputs }];
  const digits = String(frames).length;
  return Array.from({ length: frames }, (_, i) => ({
    ...seeded,
    name: `${start}-${String(i + 1).padStart(digits, "0")}`,
    inputs: { ...inputs, frame: i + 1 },
  }));
}
