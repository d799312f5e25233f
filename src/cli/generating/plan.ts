import type { GeneratedOn, ImageRecord } from "../../pipeline/records/image-record.js";
import type { CallOptions } from "../../pipeline/script-options.js";
import { fileNameOf } from "./image-names.js";
import { followingSeeds, nameWithSeed, type Seeded, type SeedFlags } from "./seeds.js";

/** An image that a command will draw. */
export interface PlannedImage extends Seeded {
  /** Name of its file, without extension. */
  readonly name: string;
  /** What it is drawn from, as `--json` reports and its file records it: prompt, names of files. */
  readonly inputs: ImageRecord["inputs"];
}

/** What a command draws. */
export interface GenerationPlan {
  /** In the order in which the call hands them out. */
  readonly images: readonly PlannedImage[];
  /** Calls the script; each image of the call has its seed. */
  readonly draw: (call: CallOptions) => Promise<unknown>;
  /** What an image that is drawn again was drawn on. */
  readonly repeats?: GeneratedOn | undefined;
}

/** What images are drawn of: their files are named after it. */
export type Subject = Pick<PlannedImage, "name" | "inputs">;

/** `samples` images of each subject, side by side, with a seed for each. */
export function planSamples(subjects: readonly Subject[], samples: number, flags: SeedFlags): PlannedImage[] {
  const repeated = subjects.flatMap((subject) => new Array<Subject>(samples).fill(subject));
  return followingSeeds(flags, repeated.length).map((seeded, i) => {
    const { name, inputs } = repeated[i]!;
    return { ...seeded, name: nameWithSeed(fileNameOf(name), seeded), inputs };
  });
}

/** Images that share a seed. */
export interface PlannedSeries extends Seeded {
  readonly images: readonly PlannedImage[];
}

/** A series of each subject, with a seed for each. */
export function planSeries(subjects: readonly Subject[], frames: number, flags: SeedFlags): PlannedSeries[] {
  return followingSeeds(flags, subjects.length).map((seeded, i) => ({
    ...seeded,
    images: planFrames(subjects[i]!, frames, seeded),
  }));
}

/** The images of a series. Their names sort in their order. */
function planFrames({ name, inputs }: Subject, frames: number, seeded: Seeded): PlannedImage[] {
  const start = nameWithSeed(fileNameOf(name), seeded);
  if (frames === 1) return [{ ...seeded, name: start, inputs }];
  const digits = String(frames).length;
  return Array.from({ length: frames }, (_, i) => ({
    ...seeded,
    name: `${start}-${String(i + 1).padStart(digits, "0")}`,
    inputs: { ...inputs, frame: i + 1 },
  }));
}
