// What a caller may do.

/** Limits of a key. Each server counts for itself. */
export interface Limits {
  /** Requests per minute. A key that was idle may send this many at once. */
  readonly requestsPerMinute: number;
  /** Images per hour, counted when a job starts; images of a job that failed are given back. */
  readonly imagesPerHour: number;
  /** Bytes of request bodies per hour. */
  readonly uploadBytesPerHour: number;
  /** Requests that are answered at the same time. */
  readonly concurrentRequests: number;
  /** Images that one request may ask for. */
  readonly imagesPerRequest: number;
}

/** Limits that differ from others. */
export type OwnLimits = { readonly [Name in keyof Limits]?: number | undefined };

/** Limits, with some replaced. */
export function withOwn(limits: Limits, own: OwnLimits = {}): Limits {
  const given = Object.entries(own).filter(([, value]) => value !== undefined);
  return { ...limits, ...(Object.fromEntries(given) as Partial<Limits>) };
}

/** Limits of a key that has none of its own: enough for a person, safe for a stranger. */
export const DEFAULT_LIMITS: Limits = {
  requestsPerMinute: 60,
  imagesPerHour: 500,
  uploadBytesPerHour: 256 * 2 ** 20,
  concurrentRequests: 8,
  imagesPerRequest: 10,
};

/** Limits of whoever reaches a server without keys: from this machine only, so they stop loops that went wrong, not people. */
export const LOCAL_LIMITS: Limits = {
  requestsPerMinute: 6000,
  imagesPerHour: 100_000,
  uploadBytesPerHour: 32 * 2 ** 30,
  concurrentRequests: 100,
  imagesPerRequest: 100,
};

/** Who asks: a key, or whoever reaches a server without keys. */
export interface Owner {
  /** Id of the key; `local` on a server without keys. It is no secret. */
  readonly id: string;
  readonly name: string;
  readonly limits: Limits;
  /** Whether it may read `/metrics`. */
  readonly readsMetrics: boolean;
}
