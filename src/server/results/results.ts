import type { Handler } from "hono";
import type { ServerEnv } from "../context.js";
import { ServerError } from "../server-error.js";
import { endOfResult, newResultId, parseResultFile, resultKey } from "./file-keys.js";
import { Signer } from "./signing.js";
import { Sweeper, type SweepOptions } from "./sweep.js";
import { RESULT_TYPES, type ResultFormat, type Results } from "./types.js";

/** How results are kept. */
export interface ResultsOptions extends SweepOptions {
  /** Milliseconds that results are kept. */
  readonly resultMs: number;
  /** Signs URLs. Servers behind one name share it. Default: a random one, so that URLs end with the process. */
  readonly secret?: Uint8Array | undefined;
  /** Milliseconds since 1970; for tests. Default: the clock of the machine. */
  readonly now?: (() => number) | undefined;
}

/** Opens the results of a server. A sweep every minute removes those whose time is over. */
export function createResults(options: ResultsOptions): Results {
  const { store, resultMs, now = Date.now } = options;
  const signer = new Signer(options.secret);
  const sweeper = new Sweeper(options, now);
  // Also false for what is no id.
  const get = async (id: string, format: ResultFormat) =>
    now() < endOfResult(id) ? store.get(resultKey(id, format)) : undefined;
  return {
    store,
    async keep(bytes, format) {
      const id = newResultId(now() + resultMs);
      await store.put(resultKey(id, format), bytes, RESULT_TYPES[format]);
      return id;
    },
    get,
    url: (id, format, base) => {
      const file = `${id}.${format}`;
      return `${base.replace(/\/$/, "")}/v1/results/${file}?signature=${signer.sign(file)}`;
    },
    handler: serve(signer, now, get),
    sweep: () => sweeper.sweep(),
    close: () => {
      sweeper.close();
    },
  };
}

/** Serves results by the signature of their URLs. */
function serve(signer: Signer, now: () => number, get: Results["get"]): Handler<ServerEnv> {
  return async (c) => {
    const file = c.req.param("file") ?? "";
    const parsed = parseResultFile(file);
    if (!parsed || !signer.verify(file, c.req.query("signature") ?? "")) {
      throw new ServerError("not-allowed", "this URL of an image is not complete, or not of this server");
    }
    const { id, format } = parsed;
    const kept = await get(id, format);
    if (!kept) throw new ServerError("not-found", "this image is not kept any longer");
    const secondsLeft = Math.floor((endOfResult(id) - now()) / 1000);
    return c.body(kept, 200, {
      "Content-Type": RESULT_TYPES[format],
      "Content-Length": String(kept.byteLength),
      "Content-Disposition": `inline; filename="dalle2-${file}"`,
      "Cache-Control": `private, max-age=${secondsLeft}, immutable`,
      "Content-Security-Policy": "default-src 'none'; sandbox",
      // Whoever has the URL may show the image.
      "Cross-Origin-Resource-Policy": "cross-origin",
      "X-Content-Type-Options": "nosniff",
    });
  };
}
