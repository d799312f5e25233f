import { CONFIG_NAMES, Dalle2Error } from "dalle2-webgpu";
import type { Engine, OpenModel } from "../engine/engine.js";
import { failureOf, type Failure } from "../engine/failure.js";
import { NOT_OPENED, type OpeningState } from "../engine/opening.js";
import { HeldModel, orAborted, type Loading } from "./held-model.js";
import { SHAPES, type ModelChoice } from "./model-choice.js";

export type { Loading } from "./held-model.js";

/** Where the model in hand stands. */
export type ModelStatus = "closed" | "opening" | "paused" | "ready" | "failed";

/** What a use of a model needs, and is told. */
export interface UseOptions {
  /** Replaces what the session's `loading` says. */
  readonly loading?: Loading | undefined;
  /** Ends the wait for the model. If nobody else needs it, what is being opened is closed. */
  readonly signal: AbortSignal;
  /** Called while the model is opened, and when a person pauses that. */
  readonly onWait?: ((state: "opening" | "paused", opening: OpeningState) => void) | undefined;
}

/** After these errors, what is open is of no use. */
const LASTING: readonly string[] = ["gpu/device-lost", "worker/crashed", "manager/disposed", "device/disposed"];

/** The chosen model, and the one that is open: jobs that were queued before a choice run on theirs. One is open at a time. */
export class ModelSession {
  /** What a person has chosen for later jobs. */
  choice: ModelChoice = $state.raw(SHAPES);
  /** Of `current`. */
  status: ModelStatus = $state("closed");
  /** The model that is being opened, open, or could not be opened. */
  current: ModelChoice | undefined = $state.raw();
  /** How far its opening is. */
  opening: OpeningState = $state.raw(NOT_OPENED);
  failure: Failure | undefined = $state.raw();
  #model: OpenModel | undefined = $state.raw();
  readonly #engine: Engine;
  readonly #loading: () => Loading;
  #held: HeldModel | undefined;
  /** Resolves once the model that was closed last is freed. */
  #closing: Promise<void> | undefined;
  #isPaused = false;
  #onResume: readonly (() => void)[] = [];

  /** `loading` says how models are loaded from now on. */
  constructor(engine: Engine, loading: () => Loading = () => ({})) {
    this.#engine = engine;
    this.#loading = loading;
  }

  /** The chosen model, if it is open. */
  get model(): OpenModel | undefined {
    return this.current && isSameChoice(this.current, this.choice) ? this.#model : undefined;
  }

  /** Where the chosen model stands. A job may open another one, which it was queued for. */
  get choiceStatus(): ModelStatus {
    return this.current && isSameChoice(this.current, this.choice) ? this.status : "closed";
  }

  /** Chooses a model for later jobs. It is opened by the first of them, or by `open`. */
  choose(choice: ModelChoice): void {
    const isSame = isSameChoice(choice, this.choice);
    this.choice = choice;
    if (isSame) return;
    if (this.#held) this.#held.isWanted = false;
    if (this.#held?.isNeeded !== true && !this.#isPaused) void this.close();
  }

  /** Opens the chosen model, or returns it if it is open. Goes on with what was paused. */
  open(): Promise<OpenModel> {
    this.resume();
    const options = { signal: new AbortController().signal, isWanted: true };
    const opened = this.use(this.choice, options, (model) => Promise.resolve(model));
    // `failure` says it too, so a caller need not wait for it.
    opened.catch(() => undefined);
    return opened;
  }

  /** Stops downloads, and keeps what has arrived. Jobs that wait for the model go on waiting. */
  pause(): void {
    if (this.status !== "opening") return;
    this.#isPaused = true;
    this.#release();
    this.status = "paused";
  }

  /** Goes on with what was paused. */
  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.status = "closed";
    for (const listener of this.#onResume) listener();
  }

  /**
   * Frees the model: at once, or once the job that uses it is over. The next job opens it again. Resolves once it is freed,
   * and the engine was told. What was paused goes on, as the settings then say.
   */
  close(): Promise<void> {
    this.resume();
    this.#release();
    this.#model = undefined;
    this.current = undefined;
    this.status = "closed";
    this.failure = undefined;
    this.opening = NOT_OPENED;
    return this.#closing ?? Promise.resolve();
  }

  /** Runs `body` on a model, which is opened if it is not open. Rejects with the reason of the signal, or why it failed. */
  async use<T>(
    choice: ModelChoice,
    { loading, signal, onWait, isWanted }: UseOptions & { readonly isWanted?: boolean },
    body: (model: OpenModel) => Promise<T>,
  ): Promise<T> {
    for (;;) {
      if (isWanted && !isSameChoice(choice, this.choice)) throw new DOMException("Another was chosen.", "AbortError");
      if (this.#isPaused) onWait?.("paused", this.opening);
      const loaded = { ...this.#loading(), ...loading };
      const before = this.#isPaused ? this.#whenResumed(signal) : this.#whenItsTurn(choice, loaded);
      if (before) {
        await orAborted(before, signal);
        continue;
      }
      // From here to `wait` nothing may be awaited: others look at who waits.
      const held = this.#hold(choice, loaded);
      if (isWanted) held.isWanted = true;
      let model: OpenModel;
      try {
        const onOpening = (opening: OpeningState): void => onWait?.("opening", opening);
        model = await held.wait(isWanted ? undefined : onOpening, signal);
      } catch (error) {
        if (signal.aborted) {
          if (this.#held === held && !held.isNeeded && !held.model) void this.close();
          throw error;
        }
        // A person paused it, or changed how it is loaded.
        if (held.isClosed) continue;
        throw error;
      }
      return await this.#run(held, model, body);
    }
  }

  async #run<T>(held: HeldModel, model: OpenModel, body: (model: OpenModel) => Promise<T>): Promise<T> {
    try {
      return await held.use(model, body);
    } catch (error) {
      const isLasting = error instanceof Dalle2Error && LASTING.includes(error.code);
      if (isLasting && this.#held === held) void this.close();
      throw error;
    }
  }

  /** What must be over before a model may be opened, since one is open at a time; undefined if nothing must. */
  #whenItsTurn(choice: ModelChoice, loading: Loading): Promise<void> | undefined {
    const held = this.#held;
    if (!held) return this.#closing;
    return !isOf(held, choice, loading) && held.isAwaited ? held.whenFree() : undefined;
  }

  /** Returns what is held of a model. Begins to open it if it is another one. */
  #hold(choice: ModelChoice, loading: Loading): HeldModel {
    if (this.#held && isOf(this.#held, choice, loading)) return this.#held;
    void this.close();
    const recordAs = (CONFIG_NAMES as readonly string[]).includes(choice.id) ? choice.id : undefined;
    const held = new HeldModel(this.#engine, { choice, loading, recordAs }, (opening) => {
      if (this.#held === held) this.opening = opening;
    });
    this.#held = held;
    this.current = choice;
    this.status = "opening";
    held.opened.then(
      (model) => {
        if (this.#held !== held) return;
        this.#model = model;
        this.status = "ready";
      },
      (error: unknown) => {
        if (this.#held !== held) return;
        this.#held = undefined;
        this.status = "failed";
        this.failure = failureOf(error);
      },
    );
    return held;
  }

  /** Closes what is held, if anything is. */
  #release(): void {
    if (!this.#held) return;
    const closing = this.#held.close().finally(() => {
      if (this.#closing === closing) this.#closing = undefined;
    });
    this.#held = undefined;
    this.#closing = closing;
  }

  async #whenResumed(signal: AbortSignal): Promise<void> {
    let listener = (): void => undefined;
    const resumed = new Promise<void>((resolve) => {
      listener = resolve;
      this.#onResume = [...this.#onResume, resolve];
    });
    await orAborted(resumed, signal).finally(() => {
      this.#onResume = this.#onResume.filter((one) => one !== listener);
    });
  }
}

function isOf(held: HeldModel, choice: ModelChoice, loading: Loading): boolean {
  return isSameChoice(held.choice, choice) && isSameLoading(held.loading, loading);
}

function isSameChoice(a: ModelChoice, b: ModelChoice): boolean {
  return a.id === b.id && a.config === b.config;
}

function isSameLoading(a: Loading, b: Loading): boolean {
  return (a.dtype ?? "auto") === (b.dtype ?? "auto") && (a.weights ?? "full") === (b.weights ?? "full");
}
