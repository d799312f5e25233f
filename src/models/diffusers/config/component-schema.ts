// What the configs of diffusers' components have in common (`config.json`, `scheduler_config.json`).
import * as z from "zod/mini";
import { preprocess, strictKeys, type HarmlessKeys } from "../../../config/known-keys.js";
import { isRecord } from "../../../platform/objects.js";

export const count = z.int().check(z.positive());

/** Keys that any component may have, and that do not change its result. */
const ANY_COMPONENT: HarmlessKeys = {
  "its origin": ["_diffusers_version", "_name_or_path", "_commit_hash", "_use_default_values"],
};

export interface ComponentSchemaOptions {
  /** Keys that the class has and that do not change its result. */
  readonly harmless?: HarmlessKeys;
  /** Keys whose null is a value of its own. For all others null means the same as a missing key. */
  readonly nullable?: readonly string[];
}

/** The schema of a component's config. Keys that are not known are refused, because they may change its result. */
export function componentSchema<Shape extends z.core.$ZodShape>(
  className: string,
  shape: Shape,
  { harmless = {}, nullable = [] }: ComponentSchemaOptions = {},
) {
  const all = { _class_name: z.optional(z.literal(className)), ...shape };
  const isGiven = ([key, value]: [string, unknown]): boolean => value !== null || nullable.includes(key);
  return preprocess(
    (value) => (isRecord(value) ? Object.fromEntries(Object.entries(value).filter(isGiven)) : value),
    strictKeys(all, { ...ANY_COMPONENT, ...harmless }),
  );
}
