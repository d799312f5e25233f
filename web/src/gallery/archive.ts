import { Zip, ZipPassThrough } from "fflate";
import { saveFile } from "./download.js";
import { fileNames } from "./file-names.js";
import type { KeptImage } from "./kept-image.js";

const EARLIEST = Date.UTC(1980, 0, 2);

/** Saves images as one zip file, named by the day. */
export async function downloadArchive(images: readonly KeptImage[], now = new Date()): Promise<void> {
  const day = [now.getFullYear(), now.getMonth() + 1, now.getDate()].map((part) => String(part).padStart(2, "0"));
  saveFile(await archive(images), `images-${day.join("-")}.zip`);
}

/** A zip file of images. PNGs are compressed already, so they are stored as they are. */
export async function archive(images: readonly KeptImage[]): Promise<Blob> {
  const parts: Blob[] = [];
  const names = fileNames(images);
  const zip = new Zip((error, bytes) => {
    if (error) throw error;
    // Blobs can leave memory.
    parts.push(new Blob([bytes]));
  });
  for (const [i, { file, time }] of images.entries()) {
    const entry = new ZipPassThrough(names[i]!);
    // Zip files know no earlier times, which a clock that is wrong may have.
    entry.mtime = Math.max(time, EARLIEST);
    zip.add(entry);
    entry.push(new Uint8Array(await file.arrayBuffer()), true);
  }
  zip.end();
  return new Blob(parts, { type: "application/zip" });
}
