import type { GeneratedOn, ImageRecord } from "../../pipeline/records/image-record.js";
import type { CallOptions } from "../../pipeline/script-options.js";
import { fileNameOf } from "./image-names.js";
import { followingSeeds, nameWithSeed, type Seeded, type SeedFlags } from "./seeds.js";

/** An image that a command will generate. */
export interface PlannedImage extends Seeded {
  /** Name of its file, without extension. */
  readonly name: string;
  /** Its prompt and the names of its input files, for `--json` and for the record in its file. */
  readonly inputs: ImageRecord["inputs"];
}

/** The images that a command generates, and how. */
export interface GenerationPlan {
  /** In the order in which the script generates them. */
  readonly images: readonly PlannedImage[];
  /** Runs the script. */
  readonly generate: (call: CallOptions) => Promise<unknown>;
  /** Names of components that the script does not use, to load the others at once. Default: each is loaded when it is used. */
  readonly unused?: readonly string[] | undefined;
  /** The models and adapter of the recorded image that is repeated, if one is. */
  readonly repeats?: GeneratedOn | undefined;
}

/** What images are generated from. Their files are named after it. */
export type Subject = Pick<PlannedImage, "name" | "inputs">;

/** Plans `samples` images per subject, one subject after the other, each with its own seed. */
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

/** Plans a series of `frames` images per subject, each series with its own seed. */
export function planSeries(subjects: readonly Subject[], frames: number, flags: SeedFlags): PlannedSeries[] {
  return followingSeeds(flags, subjects.length).map((seeded, i) => ({
    ...seeded,
    images: planFrames(subjects[i]!, frames, seeded),
  }));
}

/** The images of a series. Sorting their names gives their order. */
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
