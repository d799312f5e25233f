import type { Limits, Owner } from "./limits.js";
import { TokenBucket } from "./token-bucket.js";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** What an owner has used. */
export class Usage {
  readonly requests: TokenBucket;
  readonly images: TokenBucket;
  readonly uploadBytes: TokenBucket;
  /** Requests that are being answered. */
  running = 0;

  constructor(limits: Limits, now: () => number) {
    this.requests = new TokenBucket(limits.requestsPerMinute, MINUTE, now);
    this.images = new TokenBucket(limits.imagesPerHour, HOUR, now);
    this.uploadBytes = new TokenBucket(limits.uploadBytesPerHour, HOUR, now);
  }

  /** Takes over limits that were changed in the file of keys. */
  adapt(limits: Limits): void {
    this.requests.resize(limits.requestsPerMinute);
    this.images.resize(limits.imagesPerHour);
    this.uploadBytes.resize(limits.uploadBytesPerHour);
  }

  /** Whether nothing is used, so that it can be forgotten. */
  get isIdle(): boolean {
    const { requests, images, uploadBytes } = this;
    return this.running === 0 && [requests, images, uploadBytes].every((bucket) => bucket.left >= bucket.size);
  }
}

/** More are only kept while they are in use. */
const KEPT = 10_000;

/** What each owner has used. */
export class UsageByOwner {
  readonly #usages = new Map<string, Usage>();

  /** `now` gives milliseconds that never go back. */
  constructor(private readonly now: () => number) {}

  of(owner: Owner): Usage {
    const known = this.#usages.get(owner.id);
    if (known) {
      known.adapt(owner.limits);
      return known;
    }
    if (this.#usages.size >= KEPT) this.#forgetIdle();
    const usage = new Usage(owner.limits, this.now);
    this.#usages.set(owner.id, usage);
    return usage;
  }

  #forgetIdle(): void {
    for (const [id, usage] of this.#usages) if (usage.isIdle) this.#usages.delete(id);
  }
}
