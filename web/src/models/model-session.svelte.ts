import { CONFIG_NAMES } from "dalle2-webgpu";
import type { Engine, OpenModel, OpenProgress } from "../engine/engine.js";
import { failureOf, type Failure } from "../engine/failure.js";
import { SHAPES, type ModelChoice } from "./model-choice.js";

/** Where the chosen model stands. */
export type ModelStatus = "closed" | "opening" | "paused" | "ready" | "failed";

/** The chosen model: opens it when it is first needed, or when the person asks. */
export class ModelSession {
  choice: ModelChoice = $state.raw(SHAPES);
  status: ModelStatus = $state("closed");
  /** Newest progress by file, of downloads and weights; and of kernels. */
  progress: readonly OpenProgress[] = $state.raw([]);
  failure: Failure | undefined = $state.raw();
  /** The model, once it is open. */
  model: OpenModel | undefined = $state.raw();
  readonly #engine: Engine;
  #opening: Promise<OpenModel> | undefined;
  #controller = new AbortController();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Chooses another model. It is opened by the next call of `open`. */
  choose(choice: ModelChoice): void {
    this.close();
    this.choice = choice;
  }

  /** Opens the chosen model, or returns it if it is open. */
  open(): Promise<OpenModel> {
    return (this.#opening ??= this.#open());
  }

  /** Stops downloads. `open` goes on with what has arrived. */
  pause(): void {
    if (this.status !== "opening") return;
    this.close();
    this.status = "paused";
  }

  /** Frees the model. */
  close(): void {
    this.#controller.abort();
    this.#controller = new AbortController();
    this.model?.dispose();
    this.model = undefined;
    this.#opening = undefined;
    this.status = "closed";
    this.failure = undefined;
    this.progress = [];
  }

  async #open(): Promise<OpenModel> {
    const { signal } = this.#controller;
    this.status = "opening";
    try {
      const model = await this.#engine.open(this.choice.config, {
        signal,
        // So that the `dalle2` command finds the same model.
        recordAs: isConfigName(this.choice.id) ? this.choice.id : undefined,
        onProgress: (progress) => {
          this.#report(progress);
        },
      });
      signal.throwIfAborted();
      this.model = model;
      this.status = "ready";
      return model;
    } catch (error) {
      if (!signal.aborted) {
        this.#opening = undefined;
        this.status = "failed";
        this.failure = failureOf(error);
      }
      throw error;
    }
  }

  #report(progress: OpenProgress): void {
    const key = (one: OpenProgress): string => one.stage + ("file" in one ? one.file : "");
    const others = this.progress.filter((one) => key(one) !== key(progress));
    this.progress = [...others, progress];
  }
}

function isConfigName(id: string): boolean {
  return (CONFIG_NAMES as readonly string[]).includes(id);
}
