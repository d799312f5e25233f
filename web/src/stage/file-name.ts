import type { KeptImage } from "../gallery/kept-image.js";

/** Longest part of a file's name that comes from the prompt. */
const LONGEST = 60;

/** Name of an image's file: its prompt and seed, in characters that all systems allow. */
export function fileNameOf({ prompt, parameters }: Pick<KeptImage, "prompt" | "parameters">): string {
  const words = prompt
    .normalize("NFC")
    .replace(/[^\p{L}\p{N}]+/gu, "-")
    .replace(/^-+/, "")
    .slice(0, LONGEST)
    .replace(/-+$/, "");
  return `${words === "" ? parameters.task : words}-${String(parameters.seed)}.png`;
}
