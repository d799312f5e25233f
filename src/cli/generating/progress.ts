import { basename } from "node:path";
import type { LoadProgress } from "../../pipeline/manager/loading-options.js";
import type { ScriptProgress } from "../../pipeline/script-options.js";
import { clearLine, replaceLine, say } from "../output.js";

/** Minutes and seconds, as 2:05; hours in front where there are any. */
export function formatDuration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  const pad = (value: number): string => String(value).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const rest = pad(seconds % 60);
  return hours > 0 ? `${hours}:${pad(minutes)}:${rest}` : `${minutes}:${rest}`;
}

const BAR = 24;
/** Files are read in many more pieces than the eye can follow. */
const MILLISECONDS_PER_FRAME = 50;

/**
 * Shows on standard error how a command goes on: a bar with the time left at a terminal, elsewhere a line for each download,
 * and for each network and batch. `quiet` shows nothing.
 */
export class ProgressReport {
  readonly #isTerminal = process.stderr.isTTY;
  #begin = performance.now();
  #heading = "";
  #shown = 0;
  #lastFrame = 0;

  constructor(private readonly quiet: boolean) {}

  /** Takes how much of a model file has been read. */
  load({ file, loadedBytes, totalBytes }: LoadProgress): void {
    const isDownload = /^https?:/.test(file);
    const verb = isDownload ? "Downloading" : "Loading";
    const share = totalBytes ? bar(loadedBytes / totalBytes) : `${Math.round(loadedBytes / 1e6)} MB`;
    if (this.#isTerminal) this.#replaceLine(`${share}  ${verb} ${basename(file)}`);
    else if (isDownload) this.#writeHeading(`${verb} ${file}`);
  }

  /** Takes the progress of a script. */
  step({ phase, unetNumber, step, steps, batch, batches, millisecondsLeft }: ScriptProgress): void {
    const network = phase === "prior" ? "prior" : `U-Net ${unetNumber}`;
    const part = batches > 1 ? `${network}, batch ${batch} of ${batches}` : network;
    if (this.#isTerminal) this.#replaceLine(`${this.#timeBar(millisecondsLeft)}  ${part}, step ${step} of ${steps}`);
    else this.#writeHeading(part);
  }

  /** Begins the time that the bar shows. */
  start(): void {
    this.#begin = performance.now();
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

  #timeBar(millisecondsLeft: number | undefined): string {
    if (millisecondsLeft === undefined) return bar(0);
    const spent = performance.now() - this.#begin;
    // The first step of a slow network shows that less is done than it seemed; the bar waits there.
    this.#shown = Math.max(this.#shown, spent / (spent + millisecondsLeft));
    return `${bar(this.#shown)}  ${formatDuration(millisecondsLeft)} left`;
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

function bar(fraction: number): string {
  const filled = Math.round(fraction * BAR);
  const percent = String(Math.floor(fraction * 100)).padStart(3);
  return `${"█".repeat(filled)}${"░".repeat(BAR - filled)} ${percent} %`;
}
