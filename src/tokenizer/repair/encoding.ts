/**
 * Repair of text whose UTF-8 was read in an encoding of one byte a character (`schÃ¶n` for `schön`), by the rules of ftfy 6
 * ("fixes text for you", R. Speer): as a whole where that gives UTF-8, else each garbled run for itself.
 */
import { fixC1Controls } from "./c1-controls.js";
import { CODE_PAGES } from "./code-pages.js";
import { Draft, type Watch } from "./draft.js";
import type { Edit } from "./edit.js";
import { GarbledPlace, isGarbled } from "./garbled.js";
import { PageReading } from "./page-reading.js";
import { RunFinder } from "./utf8-runs.js";

/** @see https://github.com/rspeer/python-ftfy/blob/5340af6746ff655a9cd7cb2b50c2fd0b35bb91d3/ftfy/__init__.py#L468-L583 */
function repairEncoding(text: string): string {
  const draft = new Draft(text);
  new EncodingRepair(draft).run();
  return draft.toString();
}

export class EncodingRepair {
  readonly #garbled: GarbledPlace;
  readonly #readings: readonly PageReading[];
  readonly #runs: RunFinder;
  readonly #runChanges: Watch;
  readonly #c1Changes: Watch;
  readonly #repairedRuns = new Map<string, string>();

  constructor(private readonly draft: Draft) {
    this.#garbled = new GarbledPlace(draft);
    this.#readings = CODE_PAGES.map((page) => new PageReading(draft, page));
    this.#runs = new RunFinder(draft);
    this.#runChanges = draft.watch();
    this.#c1Changes = draft.watch();
  }

  /** Undoes the wrong reading, as often as it happened; text that does not look garbled stays as it is. */
  run(): void {
    this.draft.settle(() => {
      if (this.#garbled.exists()) this.draft.apply(this.repairOnce());
    });
  }

  private repairOnce(): Edit[] {
    const whole = this.readWhole();
    if (whole !== null) return this.draft.change({ start: 0, end: this.draft.length }, whole);
    const runs = this.repairRuns();
    return runs.length > 0 ? runs : this.repairC1Controls();
  }

  private readWhole(): string | null {
    for (const reading of this.#readings) {
      const read = reading.read();
      if (read !== null) return read;
    }
    return null;
  }

  private repairRuns(): Edit[] {
    const edits: Edit[] = [];
    let done = 0;
    for (const change of this.#runChanges.take()) {
      for (const run of this.#runs.around(change)) {
        if (run.start < done) continue;
        done = run.end;
        edits.push(...this.draft.change(run, this.repairRun(this.draft.slice(run.start, run.end))));
      }
    }
    return edits;
  }

  private repairRun(run: string): string {
    // The whole text was tried already.
    if (run.length === this.draft.length) return run;
    let repaired = this.#repairedRuns.get(run);
    if (repaired === undefined) {
      repaired = isGarbled(run) ? repairEncoding(run) : run;
      this.#repairedRuns.set(run, repaired);
    }
    return repaired;
  }

  private repairC1Controls(): Edit[] {
    return this.#c1Changes.take().flatMap((span) => {
      return this.draft.change(span, fixC1Controls(this.draft.slice(span.start, span.end)));
    });
  }
}
