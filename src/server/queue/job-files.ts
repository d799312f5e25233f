// Images between servers and workers: small ones go through Redis, large ones through a store that all of them share.
import { createHash } from "node:crypto";
import type { Redis } from "ioredis";
import type { FileStore } from "../results/types.js";
import type { QueueNames } from "./names.js";

/** Larger files go to the store, if there is one. */
const SMALL_BYTES = 64 * 1024;

/** Files are in this folder of the store. */
const FOLDER = "jobs/";

/** The files of jobs. */
export class JobFiles {
  /** Files that nobody removed are removed after `keepSeconds`. */
  constructor(
    private readonly redis: Redis,
    private readonly names: QueueNames,
    private readonly store: FileStore | undefined,
    private readonly keepSeconds: number,
  ) {}

  /** Keeps a file of a job and returns its reference, which other processes can read. */
  async put(job: string, name: string, bytes: Uint8Array<ArrayBuffer>): Promise<string> {
    const key = `${FOLDER}${createHash("sha256").update(job).digest("hex").slice(0, 40)}/${name}`;
    if (this.store && bytes.length > SMALL_BYTES) {
      await this.store.put(key, bytes, "application/octet-stream");
      return `store:${key}`;
    }
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    await this.redis.set(this.names.blob(key), buffer, "EX", this.keepSeconds);
    return `redis:${key}`;
  }

  /** Reads a file; undefined if it is gone. */
  async get(reference: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const { isStored, key } = parse(reference);
    if (isStored) return this.store?.get(key);
    const bytes = await this.redis.getBuffer(this.names.blob(key));
    return bytes ? new Uint8Array(bytes) : undefined;
  }

  async remove(references: readonly string[]): Promise<void> {
    await Promise.all(
      references.map(parse).map(async ({ isStored, key }) => {
        if (isStored) await this.store?.remove(key);
        else await this.redis.del(this.names.blob(key));
      }),
    );
  }

  /** Removes files soon: another server may be about to read them. */
  async removeSoon(references: readonly string[], seconds: number): Promise<void> {
    const parsed = references.map(parse);
    await Promise.all(
      parsed.filter(({ isStored }) => !isStored).map(({ key }) => this.redis.expire(this.names.blob(key), seconds)),
    );
    const stored = references.filter((reference) => parse(reference).isStored);
    if (stored.length === 0) return;
    // What is left if the process ends before, the sweep removes.
    setTimeout(() => void this.remove(stored).catch(() => undefined), seconds * 1000).unref();
  }

  /** Removes files of the store that nobody removed in time. */
  async sweep(): Promise<void> {
    if (!this.store) return;
    const oldest = Date.now() - this.keepSeconds * 1000;
    for await (const { key, modified } of this.store.list(FOLDER)) {
      if (modified < oldest) await this.store.remove(key);
    }
  }
}

function parse(reference: string): { readonly isStored: boolean; readonly key: string } {
  const at = reference.indexOf(":");
  return { isStored: reference.slice(0, at) === "store", key: reference.slice(at + 1) };
}
