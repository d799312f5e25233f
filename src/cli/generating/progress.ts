import { basename } from "node:path";
import type { LoadProgress } from "../../pipeline/manager/loading-options.js";
import type { ScriptProgress } from "../../pipeline/script-options.js";
import { clearLine, lineWidth, replaceLine, say } from "../output.js";
import { formatDuration, progressLine } from "./progress-line.js";
import { TimeShare } from "./time-share.js";

/** Files are read in many more pieces than the eye can follow. */
const MILLISECONDS_PER_FRAME = 50;
/** How often the bar moves while a step is being computed. */
const MILLISECONDS_PER_TICK = 500;

/**
 * Shows on standard error how a command goes on: a bar with the time left at a terminal, elsewhere a line for each download,
 * and for each network and batch. `quiet` shows nothing.
 */
export class ProgressReport {
  readonly #isTerminal = process.stderr.isTTY;
  #time = new TimeShare();
  #ticks: NodeJS.Timeout | undefined;
  /** What is being done, as `LineContent` takes it; none while a file is being loaded. */
  #texts: readonly string[] | undefined;
  #heading = "";
  #lastFrame = 0;

  constructor(private readonly quiet: boolean) {}

  /** Takes how much of a model file has been read. */
  load({ file, loadedBytes, totalBytes }: LoadProgress): void {
    const isDownload = /^https?:/.test(file);
    const doing = `${isDownload ? "Downloading" : "Loading"} ${isDownload && !this.#isTerminal ? file : basename(file)}`;
    if (!this.#isTerminal) {
      if (isDownload) this.#writeHeading(doing);
      return;
    }
    this.#texts = undefined;
    const megabytes = `${Math.round(loadedBytes / 1e6)} MB`;
    this.#replaceLine(
      totalBytes
        ? progressLine({ share: loadedBytes / totalBytes, numbers: [], texts: [doing] }, lineWidth())
        : `${megabytes}  ${doing}`,
    );
  }

  /** Takes the progress of a script. */
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

  /** Begins the time that the bar shows. */
  start(): void {
    this.end();
    this.#time = new TimeShare();
    if (!this.#isTerminal || this.quiet) return;
    this.#ticks = setInterval(() => {
      this.#showTime();
    }, MILLISECONDS_PER_TICK).unref();
  }

  /** Takes the bar away for good. */
  end(): void {
    clearInterval(this.#ticks);
    this.#texts = undefined;
    this.clear();
  }

  /** Takes the bar away, so that a line can be printed. */
  clear(): void {
    if (this.#isTerminal && !this.quiet) clearLine();
    this.#lastFrame = 0;
  }

  /** Says something in a line of its own, also where `quiet`. */
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
