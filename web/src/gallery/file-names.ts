import type { KeptImage } from "./kept-image.js";

const LONGEST = 60;

/** Name of an image's file: what it shows, its seed, and its number in the job if that has several. */
export function fileName({ prompt, parameters, index, model }: Omit<KeptImage, "file">): string {
  const words = prompt.normalize("NFC").toLowerCase().match(/[\p{L}\p{M}\p{N}]+/gu) ?? [parameters.task, model.id];
  let name = words[0] ?? parameters.task;
  for (const word of words.slice(1)) {
    if (name.length + word.length >= LONGEST) break;
    name += `-${word}`;
  }
  const several = parameters.prompts.length * parameters.count > 1 || index > 0;
  return `${name.slice(0, LONGEST)}-${String(parameters.seed)}${several ? `-${String(index + 1)}` : ""}.png`;
}

/** Names of the files of images, each once. */
export function fileNames(images: readonly Omit<KeptImage, "file">[]): readonly string[] {
  const used = new Set<string>();
  return images.map((image) => {
    const name = fileName(image);
    let unique = name;
    for (let n = 2; used.has(unique); n++) unique = name.replace(/\.png$/, ` (${String(n)}).png`);
    used.add(unique);
    return unique;
  });
}
