import { join } from "node:path";
import { writeFileAtomic } from "#platform";
import type { RgbImage } from "../image/image.js";
import { encodePng } from "../image/png.js";
import type { Job } from "./drawing.js";

// 60 characters of 4 bytes each still fit into a name of 255.
const LONGEST_NAME = /^.{0,60}/su;

/**
 * Name of a picture's file: the prompt's letters and digits, and the seed, which no other picture of the run has. Safe on
 * every file system: no separators, no leading dot or dash, never a device's name, short enough in any alphabet.
 */
export function pictureName({ prompt, seed }: Job): string {
  const lower = prompt.normalize("NFC").toLowerCase();
  const words = lower.replace(/[^\p{L}\p{M}\p{N}]+/gu, "-").replace(/^-/, "");
  const name = LONGEST_NAME.exec(words)![0].replace(/-$/, "");
  return `${name === "" ? "picture" : name}-${seed}.png`;
}

/** Writes a picture, whole or not at all, with prompt and seed in it; gives its path. */
export async function savePicture(folder: string, job: Job, image: RgbImage): Promise<string> {
  const file = join(folder, pictureName(job));
  await writeFileAtomic(file, await encodePng(image, { text: { Description: job.prompt, Seed: String(job.seed) } }));
  return file;
}
