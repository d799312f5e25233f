import * as z from "zod/mini";
import { describeUnknown, foundText } from "./config-error.js";

/** Keys that do not change the result, grouped by the reason. */
export type HarmlessKeys = Readonly<Record<string, readonly string[]>>;

/**
 * The schema of an object in a library's config. Every key must be known: it is read (`shape`), or it does not change the
 * result (`harmless`). Any other key may change the numbers and is refused. `null` means "not given", as in the library.
 */
export function knownKeys<Shape extends z.core.$ZodShape>(shape: Shape, harmless: HarmlessKeys = {}) {
  return preprocess(withoutNulls, strictKeys(shape, harmless));
}

/** A schema that sees what `prepare` makes of a value. */
export function preprocess<Schema extends z.ZodMiniType>(prepare: (value: unknown) => unknown, schema: Schema) {
  return z.pipe(z.transform(prepare), schema);
}

/** The schema of `knownKeys` for objects in which `null` is a value of its own. */
export function strictKeys<Shape extends z.core.$ZodShape>(shape: Shape, harmless: HarmlessKeys = {}) {
  const ignored = Object.fromEntries(keysOf(harmless).map((key) => [key, z.optional(z.unknown())]));
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

/** A key with one supported value, or a list of them with the default first. Other values are refused. */
export function only(values: unknown, why: string) {
  const allowed = Array.isArray(values) && values.length > 0 ? (values as readonly unknown[]) : [values];
  const texts = allowed.map((value) => JSON.stringify(value));
  return z.optional(
    z.unknown().check(
      z.refine((given) => given === undefined || texts.includes(JSON.stringify(given)), {
        error: ({ input }) =>
          `${foundText(input)} is not supported${texts.length > 0 ? `, only ${texts.join(" or ")}` : ""}: ${why}`,
      }),
    ),
  );
}

/** A key that must not be given. */
export function never(why: string) {
  return z.optional(
    z.unknown().check(
      z.refine((given) => given === undefined, {
        error: ({ input }) => `${foundText(input)} is not supported: ${why}`,
      }),
    ),
  );
}

/** All keys of a list of harmless keys. */
export function keysOf(harmless: HarmlessKeys): string[] {
  return Object.values(harmless).flat();
}

/** An object without the keys that are null; any other value unchanged. */
export function withoutNulls(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== null));
}
