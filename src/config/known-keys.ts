import { z } from "zod";
import { describeUnknown, foundText } from "./config-error.js";

/** Keys that change nothing of what is computed here, under the reason why. */
export type HarmlessKeys = Readonly<Record<string, readonly string[]>>;

/**
 * An object of a library's config of which every key is known: it is read (`shape`), or it is known to change nothing
 * (`harmless`). Any other key may change the numbers, and is refused. `null` means "not given", as it does there.
 */
export function knownKeys<Shape extends z.ZodRawShape>(shape: Shape, harmless: HarmlessKeys = {}) {
  return z.preprocess(withoutNulls, strictKeys(shape, harmless));
}

/** The same where `null` is a value of its own. */
export function strictKeys<Shape extends z.ZodRawShape>(shape: Shape, harmless: HarmlessKeys = {}) {
  const ignored = Object.fromEntries(keysOf(harmless).map((key) => [key, z.unknown().optional()]));
  const all = { ...ignored, ...shape } as Shape;
  return z.strictObject(all, {
    error: (issue) =>
      issue.code === "unrecognized_keys"
        ? describeUnknown(issue.keys, Object.keys(all))
            .map((unknown) => `${unknown} ${MAY_MATTER}`)
            .join("; ")
        : undefined,
  });
}

const MAY_MATTER = "(it may change what the model computes; remove it if it does not)";

/** A key of which one value (or one of a list of values, the first of them the default) is computed here; others are refused. */
export function only(values: unknown, why: string) {
  const allowed = Array.isArray(values) && values.length > 0 ? (values as readonly unknown[]) : [values];
  const texts = allowed.map((value) => JSON.stringify(value));
  return z
    .unknown()
    .refine((given) => given === undefined || texts.includes(JSON.stringify(given)), {
      error: ({ input }) =>
        `${foundText(input)} is not supported${texts.length > 0 ? `, only ${texts.join(" or ")}` : ""}: ${why}`,
    })
    .optional();
}

/** A key that must not be given. */
export function never(why: string) {
  return z
    .unknown()
    .refine((given) => given === undefined, {
      error: ({ input }) => `${foundText(input)} is not supported: ${why}`,
    })
    .optional();
}

/** All keys of a list of harmless ones. */
export function keysOf(harmless: HarmlessKeys): string[] {
  return Object.values(harmless).flat();
}

/** An object without the keys that are null; any other value as it is. */
export function withoutNulls(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== null));
}
