// The server that this page came from, if it computes.
import { failureOf, type Failure } from "../engine/failure.js";
import { servedConfig } from "../engine/server-engine.js";
import { entryOf } from "../models/catalogue.js";
import type { ModelChoice } from "../models/model-choice.js";
import { ServerApi, type ServedDevice, type ServedModel, type ServerKey } from "./api.js";

/** Names in the storage of the browser. */
const [KEY, MODEL] = ["dalle2app.server-key", "dalle2app.served-model"];

type Kept = Pick<Storage, "getItem" | "setItem" | "removeItem">;

/** A question for the key of the server. */
export interface KeyQuestion {
  /** Whether the server refused the key that there was. */
  readonly wasRefused: boolean;
  /** Answers it; without a key, the person does not want to. */
  readonly answer: (key: string | undefined) => void;
}

/** What the page knows of its server. */
export class Server {
  readonly api: ServerApi;
  /** Its models, the default first. Empty until they are known. */
  models: readonly ServedModel[] = $state.raw([]);
  /** Why they are not known. */
  failure: Failure | undefined = $state.raw();
  /** What the person is asked. */
  question: KeyQuestion | undefined = $state.raw();
  readonly #storage: Kept | undefined;
  #asking: Promise<boolean> | undefined;
  #key: string | undefined = $state.raw();

  /** `storage` is absent where the browser keeps nothing. */
  constructor(base: string, storage: Kept | undefined, fetch?: typeof globalThis.fetch) {
    this.#storage = storage;
    this.#key = storage?.getItem(KEY) ?? undefined;
    const current = (): string | undefined => this.#key;
    const key: ServerKey = {
      get value() {
        return current();
      },
      ask: (refused) => this.#ask(refused),
    };
    this.api = new ServerApi(base, key, fetch);
  }

  /** The key that is kept in this browser. */
  get key(): string | undefined {
    return this.#key;
  }

  /** Forgets the key. */
  forgetKey(): void {
    this.#key = undefined;
    this.#store(KEY, undefined);
  }

  /** Asks the server which models it has. `failure` says why that failed. */
  async refresh(): Promise<void> {
    try {
      this.models = await this.api.models();
      this.failure = undefined;
    } catch (error) {
      this.failure = failureOf(error);
    }
  }

  device(): Promise<ServedDevice | undefined> {
    return this.api.device();
  }

  /** A model to choose. Its id is that of the same model in the browser, if it has one. */
  choiceOf(name: string): ModelChoice {
    const label = entryOf(name)?.choice.label ?? name;
    return { id: name, label, config: servedConfig(name) };
  }

  /** The model of the last visit, or else the included one, until the models are known. */
  get first(): ModelChoice {
    return this.choiceOf(this.#storage?.getItem(MODEL) ?? "shapes");
  }

  /** The model of an id; if the server has none, its default. */
  find(id: string): ModelChoice {
    const { name } = this.models.find((model) => model.name === id) ?? this.models[0] ?? { name: id };
    return this.choiceOf(name);
  }

  /** Remembers a model for the next visit. */
  remember(name: string): void {
    this.#store(MODEL, name);
  }

  /** Asks the person once, whoever needs a key meanwhile. */
  #ask(refused: string | undefined): Promise<boolean> {
    // Another call was given one since.
    if (this.#key !== undefined && this.#key !== refused) return Promise.resolve(true);
    this.#asking ??= new Promise<string | undefined>((resolve) => {
      this.question = { wasRefused: refused !== undefined, answer: resolve };
    }).then((key) => {
      this.question = undefined;
      this.#asking = undefined;
      if (key === undefined) return false;
      this.#key = key;
      this.#store(KEY, key);
      return true;
    });
    return this.#asking;
  }

  #store(name: string, value: string | undefined): void {
    try {
      if (value === undefined) this.#storage?.removeItem(name);
      else this.#storage?.setItem(name, value);
    } catch {
      // No room, or not allowed: it counts until the page is closed.
    }
  }
}
