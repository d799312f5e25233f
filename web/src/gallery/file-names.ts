import { fileNameOf } from "../stage/file-name.js";
import type { KeptImage } from "./kept-image.js";

/** Names of the files of images in one folder: the same names are counted. */
export function fileNames(images: readonly Pick<KeptImage, "prompt" | "parameters">[]): readonly string[] {
  const used = new Set<string>();
  return images.map((image) => {
    const name = fileNameOf(image);
    let unique = name;
    for (let n = 2; used.has(unique.toLowerCase()); n++) unique = name.replace(/\.png$/, ` (${String(n)}).png`);
    used.add(unique.toLowerCase());
    return unique;
  });
}
