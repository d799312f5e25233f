// What the page says while a model is opened.
import type { FilesProgress, OpeningState } from "../engine/opening.js";
import { sayBytes } from "../parts/amounts.js";

/** The stage that decides how long it takes: "Downloading 5.0 MB of 1.2 GB". */
export function sayStage({ stage, download, weights, kernels }: OpeningState): string {
  switch (stage) {
    case "start":
      return "Opening the model";
    case "download":
      return `Downloading ${sayFiles(download)}`;
    case "weights":
      return weights ? `Loading weights, ${sayFiles(weights)}` : "Loading weights";
    case "compile":
      return kernels ? `Compiling kernels, ${kernels.compiled} of ${kernels.total}` : "Compiling kernels";
  }
}

/** How much of a file there is. */
export function sayFile(loadedBytes: number, totalBytes: number | undefined): string {
  if (totalBytes === undefined) return sayBytes(loadedBytes);
  return loadedBytes >= totalBytes ? sayBytes(totalBytes) : `${sayBytes(loadedBytes)} of ${sayBytes(totalBytes)}`;
}

/** How fast downloads are: "3.0 MB a second". Empty if it is not known. */
export function saySpeed({ bytesPerSecond }: Pick<OpeningState, "bytesPerSecond">): string {
  return bytesPerSecond === undefined ? "" : `${sayBytes(bytesPerSecond)} a second`;
}

function sayFiles(files: FilesProgress | undefined): string {
  return files ? sayFile(files.loadedBytes, files.totalBytes) : "the model";
}
