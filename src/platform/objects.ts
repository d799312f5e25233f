/** Any object by its keys. */
export type PlainObject = Readonly<Record<string, unknown>>;

/** True for an object that is no array, such as one of JSON. */
export function isRecord(value: unknown): value is PlainObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** True for an object literal: no array, and of no class. */
export function isPlainObject(value: unknown): value is PlainObject {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
