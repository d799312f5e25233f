// The API of `dalle2 serve` for this page.
import {
  Dalle2Error,
  type AdapterDescription,
  type ClipInfo,
  type DataRequirements,
  type DecoderInfo,
  type GeneratedImage,
  type PriorInfo,
} from "dalle2-webgpu";
import { readEvents } from "./events.js";
import { connectionLost, ServerError } from "./server-error.js";

/** A model that a server offers. */
export interface ServedModel {
  readonly name: string;
  /** Whether its weights are on a GPU. Others are loaded when they are needed. */
  readonly isLoaded: boolean;
}

/** A device of a server. */
export interface ServedDevice {
  readonly adapter: AdapterDescription;
  readonly tuning: string;
}

/** A description of a model as JSON: its requirements are plain data. */
type Plain<Info> = Omit<Info, "requirements"> & {
  readonly requirements: Pick<DataRequirements, "needs" | "canGenerateEmbedding">;
};

/** What a model of a server can do. */
export interface ServedModelInfo extends ServedModel {
  readonly prior?: Plain<PriorInfo>;
  readonly decoder?: Plain<DecoderInfo>;
  readonly clip?: ClipInfo;
  readonly dtype: "f32" | "f16";
  readonly device: ServedDevice;
}

/** What happens to a job of a server. Images are PNG files in base64. */
export type ServedEvent =
  | { readonly type: "waiting"; readonly imagesAhead: number }
  | { readonly type: "loading"; readonly fraction: number }
  | { readonly type: "running" }
  | {
      readonly type: "progress";
      readonly phase: "prior" | "decoder";
      readonly unetNumber?: number;
      readonly step: number;
      readonly steps: number;
      readonly millisecondsLeft?: number;
    }
  | { readonly type: "preview"; readonly index: number; readonly png: string }
  | ({ readonly type: "image"; readonly index: number; readonly png: string } & Pick<
      GeneratedImage,
      "seed" | "parameters"
    >)
  | { readonly type: "warning"; readonly message: string }
  | { readonly type: "done" }
  | { readonly type: "error"; readonly error: ErrorFields };

interface ErrorFields {
  readonly code?: unknown;
  readonly message?: unknown;
  readonly advice?: unknown;
  readonly retryAfter?: unknown;
}

/** The key of this person for the server, if it asks for one. */
export interface ServerKey {
  readonly value: string | undefined;
  /** Asks the person for another one than `refused`. Resolves with whether there is one. */
  ask(refused: string | undefined): Promise<boolean>;
}

/** Calls a server. Methods reject with `ServerError`, with `Dalle2Error`, or with the reason of the signal. */
export class ServerApi {
  /** `base` is the URL of the API, with a slash at its end. */
  constructor(
    private readonly base: string,
    private readonly key: ServerKey,
    private readonly fetch: typeof globalThis.fetch = (...args) => globalThis.fetch(...args),
  ) {}

  async models(): Promise<readonly ServedModel[]> {
    const { models } = await this.#json<{ readonly models: readonly ServedModel[] }>("models");
    return models;
  }

  /** Describes a model. The server opens its files for that. */
  model(name: string, signal?: AbortSignal): Promise<ServedModelInfo> {
    return this.#json(`models/${encodeURIComponent(name)}`, signal);
  }

  /** The first device; undefined if none is open. */
  async device(): Promise<ServedDevice | undefined> {
    const { devices } = await this.#json<{ readonly devices: readonly ServedDevice[] }>("device");
    return devices[0];
  }

  /** Runs a job. The signal ends it: the server then stops within a sampling step. */
  async *run(form: FormData, signal: AbortSignal): AsyncGenerator<ServedEvent> {
    const { body } = await this.#call("jobs", { method: "POST", body: form, signal });
    if (!body) throw connectionLost();
    let isDone = false;
    for await (const data of orLost(readEvents(body), signal)) {
      const event = JSON.parse(data) as ServedEvent;
      if (event.type === "error") throw errorOf(event.error);
      isDone ||= event.type === "done";
      yield event;
    }
    if (!isDone) throw connectionLost();
  }

  async #json<T>(path: string, signal?: AbortSignal): Promise<T> {
    const response = await this.#call(path, signal ? { signal } : {});
    return (await response.json()) as T;
  }

  async #call(path: string, init: RequestInit): Promise<Response> {
    for (;;) {
      const { value: key } = this.key;
      const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
      const response = await this.fetch(new URL(path, this.base), { ...init, headers }).catch((error: unknown) => {
        init.signal?.throwIfAborted();
        throw error instanceof TypeError ? connectionLost() : error;
      });
      if (response.ok) return response;
      if (response.status !== 401 || !(await this.key.ask(key))) throw await refusalOf(response);
    }
  }
}

async function* orLost(events: AsyncGenerator<string>, signal: AbortSignal): AsyncGenerator<string> {
  try {
    yield* events;
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof TypeError ? connectionLost() : error;
  }
}

/** The error of an answer. One that is not the server's own is of a proxy before it. */
async function refusalOf(response: Response): Promise<Error> {
  const body: unknown = await response.json().catch(() => undefined);
  const { error } = Object(body) as { readonly error?: unknown };
  const seconds = Number(response.headers.get("retry-after") ?? NaN);
  if (error === undefined) {
    return new ServerError("server_error", `The server answered with the status ${response.status}.`);
  }
  return errorOf({ ...Object(error), ...(Number.isFinite(seconds) && { retryAfter: seconds }) } as ErrorFields);
}

function errorOf({ code, message, advice, retryAfter }: ErrorFields): Error {
  const codeText = typeof code === "string" ? code : "server_error";
  const said = typeof message === "string" ? message : "The server did not say why.";
  // Codes of the library have a slash; its own faces are for them.
  if (codeText.includes("/")) return Dalle2Error.fromJSON({ code: codeText, message: said, advice });
  return new ServerError(codeText, said, typeof retryAfter === "number" ? retryAfter : undefined);
}
