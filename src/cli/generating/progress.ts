import { basename } from "node:path";
import type { LoadProgress } from "../../pipeline/manager/loading-options.js";
import type { ScriptProgress } from "../../pipeline/script-options.js";
import { clearLine, lineWidth, replaceLine, say } from "../output.js";
import { formatDuration, progressLine } from "./progress-line.js";
import { TimeShare } from "./time-share.js";

/** Files report progress far more often than the line needs to change. */
const MILLISECONDS_PER_FRAME = 50;
/** How often the bar moves during a sampling step. */
const MILLISECONDS_PER_TICK = 500;

/**
 * Shows the progress of a command on standard error: at a terminal a bar with the time left, elsewhere one line for each
 * download and for each network and batch. With `quiet`, shows only warnings.
 */
export class ProgressReport {
  readonly #isTerminal = process.stderr.isTTY;
  #time = new TimeShare();
  #ticks: NodeJS.Timeout | undefined;
  /** `LineContent.texts` for the current sampling step; undefined while a file is being loaded. */
  #texts: readonly string[] | undefined;
  #heading = "";
  /** The downloads so far, by their files. */
  readonly #downloads = new Map<string, LoadProgress>();
  #lastFrame = 0;

  constructor(private readonly quiet: boolean) {}

  /** Shows how much of the model files has been downloaded, or read to the GPU. */
  load(progress: LoadProgress): void {
    const isDownload = /^https?:/.test(progress.file);
    if (isDownload) {
      const isNew = !this.#downloads.has(progress.file);
      this.#downloads.set(progress.file, progress);
      if (isNew && !this.#isTerminal) this.#writeHeading(`Downloading ${progress.file}`);
    }
    if (!this.#isTerminal) return;
    const downloads = [...this.#downloads.values()];
    const isDownloading = downloads.some((one) => one === progress || one.loadedBytes < (one.totalBytes ?? 0));
    // What is downloaded goes to the GPU meanwhile.
    if (isDownloading) this.#showLoad("Downloading", downloads);
    else if (!isDownload) this.#showLoad("Loading", [progress]);
  }

  #showLoad(doing: string, files: readonly LoadProgress[]): void {
    this.#texts = undefined;
    const what = files.length === 1 ? basename(files[0]!.file) : `${files.length} files`;
    const loadedBytes = files.reduce((sum, file) => sum + file.loadedBytes, 0);
    const totalBytes = files.reduce((sum, file) => sum + (file.totalBytes ?? NaN), 0);
    const texts = [`${doing} ${what}`];
    this.#replaceLine(
      totalBytes > 0
        ? progressLine({ share: loadedBytes / totalBytes, numbers: [], texts }, lineWidth())
        : `${Math.round(loadedBytes / 1e6)} MB  ${texts[0]!}`,
    );
  }

  /** Shows the progress of a script. */
  step({ phase, unetNumber, step, steps, batch, batches, millisecondsLeft }: ScriptProgress): void {
    const network = phase === "prior" ? "prior" : `U-Net ${unetNumber}`;
    const part = batches > 1 ? `${network}, batch ${batch} of ${batches}` : network;
    if (!this.#isTerminal) {
      this.#writeHeading(part);
      return;
    }
    if (millisecondsLeft !== undefined) this.#time.update(millisecondsLeft);
    const count = `step ${step} of ${steps}`;
    this.#texts = [`${part}, ${count}`, `${network}, ${count}`, count];
    this.#showTime();
  }

  /** Starts the bar. */
  start(): void {
    this.end();
    this.#time = new TimeShare();
    if (!this.#isTerminal || this.quiet) return;
    this.#ticks = setInterval(() => {
      this.#showTime();
    }, MILLISECONDS_PER_TICK).unref();
  }

  /** Removes the bar for good. */
  end(): void {
    clearInterval(this.#ticks);
    this.#texts = undefined;
    this.clear();
  }

  /** Removes the bar, so that a line can be printed. */
  clear(): void {
    if (this.#isTerminal && !this.quiet) clearLine();
    this.#lastFrame = 0;
  }

  /** Prints a message on its own line, even if `quiet`. */
  readonly warn = (message: string): void => {
    this.clear();
    say(message);
  };

  #showTime(): void {
    if (!this.#texts) return;
    const { share, millisecondsLeft } = this.#time.now ?? { share: 0, millisecondsLeft: undefined };
    const numbers = millisecondsLeft === undefined ? [] : [`${formatDuration(millisecondsLeft)} left`];
    this.#replaceLine(progressLine({ share, numbers, texts: this.#texts }, lineWidth()));
  }

  #replaceLine(line: string): void {
    const now = performance.now();
    if (this.quiet || now - this.#lastFrame < MILLISECONDS_PER_FRAME) return;
    this.#lastFrame = now;
    replaceLine(line);
  }

  #writeHeading(heading: string): void {
    if (this.quiet || heading === this.#heading) return;
    this.#heading = heading;
    say(heading);
  }
}
