import type { OpenProgress } from "./engine.js";
import { Rate } from "./rate.js";

/** How much of a file there is. */
export interface FileProgress {
  /** URL or path. */
  readonly file: string;
  /** Last part of it. */
  readonly name: string;
  readonly loadedBytes: number;
  /** Undefined if the server does not say. */
  readonly totalBytes: number | undefined;
}

/** How much of several files there is. */
export interface FilesProgress {
  readonly files: readonly FileProgress[];
  readonly loadedBytes: number;
  /** Of the files that have begun, or of all if that is known; undefined if a server does not say. */
  readonly totalBytes: number | undefined;
  readonly isDone: boolean;
}

/** Where the opening of a model stands. Stages may overlap: weights go to the GPU while others arrive. */
export interface OpeningState {
  /** The stage that decides how long it takes. */
  readonly stage: "start" | "download" | "weights" | "compile";
  readonly download: FilesProgress | undefined;
  /** Of downloads, smoothed; undefined if it is not known. */
  readonly bytesPerSecond: number | undefined;
  /** Until the downloads are done; undefined if it is not known. */
  readonly millisecondsLeft: number | undefined;
  /** What is on the GPU. */
  readonly weights: FilesProgress | undefined;
  /** Kernels; undefined before the first. */
  readonly kernels: { readonly compiled: number; readonly total: number } | undefined;
  /** Share that is done, 0 to 1. It never falls. */
  readonly fraction: number;
}

/** Before anything has happened. */
export const NOT_OPENED: OpeningState = {
  stage: "start",
  download: undefined,
  bytesPerSecond: undefined,
  millisecondsLeft: undefined,
  weights: undefined,
  kernels: undefined,
  fraction: 0,
};

/** Shares of the stages in the time of an opening, about as they are. */
const SHARES = { download: 6, weights: 1, compile: 2 };

/** Adds up what is reported while a model is opened. */
export class Opening {
  readonly #files = { download: new Map<string, FileProgress>(), weights: new Map<string, FileProgress>() };
  readonly #rate: Rate;
  /** Bytes of downloads that have arrived since this opening began. */
  #arrived = 0;
  #state = NOT_OPENED;

  /** `downloadBytes` is the size of all downloads, if it is known. */
  constructor(
    private readonly downloadBytes?: number,
    clock?: () => number,
  ) {
    this.#rate = new Rate(clock);
  }

  get state(): OpeningState {
    return this.#state;
  }

  add(progress: OpenProgress): void {
    if (progress.stage === "compile") {
      const { compiled, total } = progress;
      this.#update({ kernels: { compiled, total } });
      return;
    }
    const { stage, file, loadedBytes, totalBytes } = progress;
    const files = this.#files[stage];
    const before = files.get(file);
    files.set(file, { file, name: nameOf(file), loadedBytes, totalBytes });
    if (stage === "weights") {
      this.#update({ weights: sumOf(files) });
      return;
    }
    // What was there before is no speed.
    this.#arrived += before ? Math.max(loadedBytes - before.loadedBytes, 0) : 0;
    this.#rate.add(this.#arrived);
    this.#update({ download: sumOf(files, this.downloadBytes) });
  }

  #update(change: Partial<OpeningState>): void {
    const state = { ...this.#state, ...change };
    const { download } = state;
    const isDownloading = download !== undefined && !download.isDone;
    const left = isDownloading && download.totalBytes !== undefined ? download.totalBytes - download.loadedBytes : 0;
    this.#state = {
      ...state,
      stage: stageOf(state),
      bytesPerSecond: isDownloading ? this.#rate.perSecond : undefined,
      millisecondsLeft: left > 0 ? this.#rate.millisecondsFor(left) : undefined,
      fraction: Math.max(state.fraction, fractionOf(state)),
    };
  }
}

/** Last part of a path or URL. */
function nameOf(file: string): string {
  const name = file.slice(Math.max(file.lastIndexOf("/"), file.lastIndexOf("\\")) + 1);
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

function sumOf(byFile: ReadonlyMap<string, FileProgress>, planned?: number): FilesProgress {
  const files = [...byFile.values()];
  const loadedBytes = files.reduce((sum, file) => sum + file.loadedBytes, 0);
  const begun = files.reduce<number | undefined>(
    (sum, { totalBytes }) => (sum === undefined || totalBytes === undefined ? undefined : sum + totalBytes),
    0,
  );
  const isDone = begun !== undefined && loadedBytes >= begun;
  // Files that are kept from an earlier visit do not arrive again, so all may be done before.
  const totalBytes = isDone || planned === undefined ? begun : Math.max(planned, begun ?? 0);
  return { files, loadedBytes, totalBytes, isDone };
}

function stageOf({ download, weights, kernels }: OpeningState): OpeningState["stage"] {
  if (download && !download.isDone) return "download";
  const areCompiled = kernels !== undefined && kernels.compiled >= kernels.total;
  if (weights && !weights.isDone) return "weights";
  if (kernels && !areCompiled) return "compile";
  return weights ? "weights" : kernels ? "compile" : download ? "weights" : "start";
}

function fractionOf({ download, weights, kernels }: OpeningState): number {
  const stages = [
    ...(download ? [{ share: SHARES.download, done: shareOf(download) }] : []),
    { share: SHARES.weights, done: weights ? shareOf(weights) : 0 },
    { share: SHARES.compile, done: kernels ? kernels.compiled / Math.max(kernels.total, 1) : 0 },
  ];
  const all = stages.reduce((sum, { share }) => sum + share, 0);
  return stages.reduce((sum, { share, done }) => sum + (share / all) * done, 0);
}

function shareOf({ loadedBytes, totalBytes }: FilesProgress): number {
  return totalBytes === undefined ? 0 : Math.min(loadedBytes / Math.max(totalBytes, 1), 1);
}
