import { fileNames } from "./file-names.js";
import type { KeptImage } from "./kept-image.js";

/** Saves images as files of their own. The browser may ask whether the page may save several. */
export function downloadEach(images: readonly KeptImage[]): void {
  const names = fileNames(images);
  for (const [i, { file }] of images.entries()) saveFile(file, names[i]!);
}

/** Saves a file in the person's folder of downloads. */
export function saveFile(file: Blob, name: string): void {
  const url = URL.createObjectURL(file);
  Object.assign(document.createElement("a"), { href: url, download: name }).click();
  // Some browsers read the URL only after the click.
  setTimeout(() => {
    URL.revokeObjectURL(url);
  }, 60_000);
}
