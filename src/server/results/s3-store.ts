// Files in a bucket of S3, or of anything that speaks its protocol.
import type { AwsClient } from "aws4fetch";
import { decodeXML } from "entities";
import { loadPackage } from "../load-package.js";
import { StoreError } from "./store-error.js";
import type { FileStore, StoredFile } from "./types.js";

/** A bucket and how to reach it. */
export interface S3Options {
  readonly bucket: string;
  /** What all keys begin with, such as `dalle2/`; may be empty. */
  readonly prefix: string;
  /** URL of the service, such as `https://s3.eu-central-1.amazonaws.com`. The bucket is a part of the path. */
  readonly endpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

/** Longest time of one request, in milliseconds. */
const REQUEST_MS = 30_000;
/** How often a request is tried again after an error of the service, after 50 ms, 100 ms, 200 ms … at most. */
const RETRIES = 4;
/** An answer of `list` has at most 1000 keys. */
const MAX_ANSWER_BYTES = 4 * 2 ** 20;

/** Keeps files in a bucket. Files are whole or absent by the protocol. */
export class S3Store implements FileStore {
  readonly #base: string;

  private constructor(
    private readonly client: AwsClient,
    private readonly options: S3Options,
  ) {
    this.#base = `${options.endpoint.replace(/\/$/, "")}/${options.bucket}`;
  }

  /** Rejects with `MissingPackageError` if the package `aws4fetch` is missing. */
  static async open(options: S3Options): Promise<S3Store> {
    const { AwsClient } = await loadPackage("aws4fetch", "results in a bucket", () => import("aws4fetch"));
    const { accessKeyId, secretAccessKey, sessionToken, region } = options;
    const client = new AwsClient({
      accessKeyId,
      secretAccessKey,
      ...(sessionToken === undefined ? {} : { sessionToken }),
      region,
      service: "s3",
      retries: RETRIES,
    });
    return new S3Store(client, options);
  }

  async put(key: string, bytes: Uint8Array<ArrayBuffer>, contentType: string): Promise<void> {
    const headers = { "Content-Type": contentType };
    const answer = await this.#send("PUT", this.#url(key), { body: bytes, headers });
    await finish(answer, "could not keep a file");
  }

  async get(key: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const answer = await this.#send("GET", this.#url(key));
    if (answer.status === 404) {
      await answer.body?.cancel();
      return undefined;
    }
    if (!answer.ok) await finish(answer, "could not read a file");
    return new Uint8Array(await answer.arrayBuffer());
  }

  async remove(key: string): Promise<void> {
    const answer = await this.#send("DELETE", this.#url(key));
    if (answer.status === 404) await answer.body?.cancel();
    else await finish(answer, "could not remove a file");
  }

  async *list(prefix: string): AsyncIterable<StoredFile> {
    const query = new URLSearchParams({ "list-type": "2", prefix: this.options.prefix + prefix });
    for (;;) {
      // As S3 has it: a space is %20.
      const answer = await this.#send("GET", `${this.#base}?${query.toString().replaceAll("+", "%20")}`);
      if (!answer.ok) await finish(answer, "could not list files");
      const page = await answer.text();
      if (page.length > MAX_ANSWER_BYTES) throw new StoreError("the bucket's list of files is too long");
      for (const file of filesIn(page)) yield { ...file, key: file.key.slice(this.options.prefix.length) };
      const next = textOf(page, "NextContinuationToken");
      if (next === undefined) return;
      query.set("continuation-token", next);
    }
  }

  #url(key: string): string {
    return `${this.#base}/${`${this.options.prefix}${key}`.split("/").map(encodeURIComponent).join("/")}`;
  }

  async #send(method: string, url: string, init: RequestInit = {}): Promise<Response> {
    const signal = AbortSignal.timeout(REQUEST_MS);
    try {
      return await this.client.fetch(url, { ...init, method, signal });
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new StoreError(`the bucket ${this.options.bucket} could not be reached: ${reason}`, { cause });
    }
  }
}

/** Reads an answer to its end. Throws if it is an error. */
async function finish(answer: Response, problem: string): Promise<void> {
  const text = await answer.text();
  if (answer.ok) return;
  const code = textOf(text, "Code") ?? answer.statusText;
  throw new StoreError(`the bucket ${problem}: HTTP ${answer.status} ${code.slice(0, 100)}`);
}

function filesIn(page: string): StoredFile[] {
  return [...page.matchAll(/<Contents>(.*?)<\/Contents>/gs)].flatMap(([, file = ""]) => {
    const [key, size, modified] = ["Key", "Size", "LastModified"].map((name) => textOf(file, name));
    if (key === undefined) return [];
    return [{ key, bytes: Number(size ?? 0), modified: Date.parse(modified ?? "") || 0 }];
  });
}

function textOf(xml: string, name: string): string | undefined {
  const [, text] = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml) ?? [];
  return text === undefined ? undefined : decodeXML(text);
}
