/** Plain data that a test may change. */
export type Writable<T> = { -readonly [Key in keyof T]: Writable<T[Key]> };

/** The same data, for a test that changes it. */
export function writable<T>(data: T): Writable<T> {
  return data;
}
