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

/** Limits of a key that has none of its own: enough for a person, safe for a stranger. */
export const DEFAULT_LIMITS: Limits = {
  requestsPerMinute: 60,
  imagesPerHour: 500,
  uploadBytesPerHour: 256 * 2 ** 20,
  concurrentRequests: 8,
  imagesPerRequest: 10,
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
