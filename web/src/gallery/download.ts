import { Zip, ZipPassThrough } from "fflate";
import { fileName, fileNames } from "./file-names.js";
import type { KeptImage } from "./kept-image.js";

/** Saves an image as a file; several as one archive. */
export async function download(images: readonly KeptImage[]): Promise<void> {
  const [first] = images;
  if (!first) return;
  if (images.length === 1) save(first.file, fileName(first));
  else save(await archive(images), `images-${new Date(first.time).toISOString().slice(0, 10)}.zip`);
}

/** Saves images as files of their own. The browser may ask whether the page may save several. */
export function downloadEach(images: readonly KeptImage[]): void {
  const names = fileNames(images);
  for (const [i, { file }] of images.entries()) save(file, names[i]!);
}

/** A zip file of images. PNGs are compressed already, so they are stored as they are. */
export async function archive(images: readonly KeptImage[]): Promise<Blob> {
  const parts: Blob[] = [];
  const names = fileNames(images);
  const zip = new Zip((error, bytes) => {
    if (error) throw error;
    // Blobs can leave memory.
    parts.push(new Blob([bytes as Uint8Array<ArrayBuffer>]));
  });
  for (const [i, { file, time }] of images.entries()) {
    const entry = new ZipPassThrough(names[i]!);
    entry.mtime = time;
    zip.add(entry);
    entry.push(new Uint8Array(await file.arrayBuffer()), true);
  }
  zip.end();
  return new Blob(parts, { type: "application/zip" });
}

function save(file: Blob, name: string): void {
  const url = URL.createObjectURL(file);
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  link.click();
  // The browser reads it after the click.
  setTimeout(() => {
    URL.revokeObjectURL(url);
  }, 60_000);
}
