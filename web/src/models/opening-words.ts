// What the page says while a model is opened.
import type { FilesProgress, OpeningState } from "../engine/opening.js";
import { saySize } from "./say-size.js";

/** The stage that decides how long it takes. */
export function sayStage({ stage, download, weights, kernels }: OpeningState): string {
  switch (stage) {
    case "start":
      return "Opening the model";
    case "download":
      return `Downloading ${sayFiles(download)}`;
    case "weights":
      return `Loading weights ${sayFiles(weights)}`;
    case "compile":
      return kernels ? `Compiling kernels, ${kernels.compiled} of ${kernels.total}` : "Compiling kernels";
  }
}

/** How much of a file there is. */
export function sayFile(loadedBytes: number, totalBytes: number | undefined): string {
  if (totalBytes === undefined) return saySize(loadedBytes);
  return loadedBytes >= totalBytes ? saySize(totalBytes) : `${saySize(loadedBytes)} of ${saySize(totalBytes)}`;
}

export function saySpeed(bytesPerSecond: number): string {
  return `${saySize(bytesPerSecond)} a second`;
}

function sayFiles(files: FilesProgress | undefined): string {
  return files ? sayFile(files.loadedBytes, files.totalBytes) : "";
}
