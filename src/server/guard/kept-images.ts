// The images of repeatable requests, in the store of results.
import { z } from "zod";
import { parseJson } from "../../platform/json.js";
import type { ImageParameters } from "../../pipeline/generated-image.js";
import type { FinishedImage } from "../jobs/job.js";
import { imageKey, recordKey, REPEATABLE_MS } from "../results/file-keys.js";
import type { FileStore } from "../results/types.js";

const parametersSchema = z.custom<ImageParameters>(
  (value) => typeof value === "object" && value !== null && "script" in value && "tuning" in value,
);

const recordSchema = z.object({
  fingerprint: z.string(),
  created: z.number(),
  /** Absent while the job runs, and if its server was killed. */
  images: z
    .array(z.object({ width: z.number(), height: z.number(), seed: z.number(), parameters: parametersSchema }))
    .optional(),
});

/** What is known of a repeatable request. */
export interface KeptCall {
  readonly fingerprint: string;
  /** Undefined if the job is not done, or the images are not kept any longer. */
  readonly images: readonly FinishedImage[] | undefined;
}

/** Keeps what repeatable requests asked for and got. */
export class KeptImages {
  constructor(
    private readonly store: FileStore,
    private readonly now: () => number,
  ) {}

  /** What is known of a request; undefined if nothing is. */
  async read(id: string): Promise<KeptCall | undefined> {
    const bytes = await this.store.get(recordKey(id));
    if (!bytes) return undefined;
    const { success, data } = recordSchema.safeParse(parseJson(new TextDecoder().decode(bytes)));
    if (!success || this.now() - data.created > REPEATABLE_MS) return undefined;
    const { fingerprint, images } = data;
    const files = await Promise.all((images ?? []).map((_, i) => this.store.get(imageKey(id, i))));
    const finished = images?.flatMap((image, i) => (files[i] ? [{ ...image, png: files[i] }] : []));
    return { fingerprint, images: finished?.length === images?.length ? finished : undefined };
  }

  /** Keeps what a request asks for, before its job starts. */
  async begin(id: string, fingerprint: string): Promise<void> {
    await this.#writeRecord(id, { fingerprint, created: this.now() });
  }

  /** Keeps the images of a request. */
  async finish(id: string, fingerprint: string, images: readonly FinishedImage[]): Promise<void> {
    await Promise.all(images.map(({ png }, i) => this.store.put(imageKey(id, i), png, "image/png")));
    const facts = images.map(({ width, height, seed, parameters }) => ({ width, height, seed, parameters }));
    // Last, so that a record with images has them all.
    await this.#writeRecord(id, { fingerprint, created: this.now(), images: facts });
  }

  /** Forgets a request whose job failed, so that it can be asked for again. */
  async forget(id: string): Promise<void> {
    await this.store.remove(recordKey(id));
  }

  async #writeRecord(id: string, record: z.infer<typeof recordSchema>): Promise<void> {
    const bytes = new TextEncoder().encode(JSON.stringify(record));
    await this.store.put(recordKey(id), bytes, "application/json");
  }
}
