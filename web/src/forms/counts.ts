import { sayImages } from "../parts/amounts.js";

/** Says how many images prompts give: "2 prompts × 3 images = 6". Empty without prompts. */
export function sayCount(prompts: number, count: number): string {
  if (prompts === 0) return "";
  if (prompts === 1) return sayImages(count);
  return `${prompts} prompts × ${sayImages(count)} = ${prompts * count}`;
}
