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
  /**
   * Keys whose null is a value of its own. For others null means the same as a missing key, unless a missing one has another default
   * than null.
   */
  readonly nullable?: readonly string[];
}

/**
 * The schema of a component's config. Keys that are not known are refused, because they may change its result. Those in the list
 * `_use_default_values` count as missing.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/configuration_utils.py#L498-L502
 */
export function componentSchema<Shape extends z.core.$ZodShape>(
  className: string,
  shape: Shape,
  { harmless = {}, nullable = [] }: ComponentSchemaOptions = {},
) {
  const all = { _class_name: z.optional(z.literal(className)), ...shape };
  const own = new Set([...nullable, ...Object.keys(shape).filter((key) => shape[key]!._zod.def.type === "default")]);
  return preprocess(
    (value) => {
      if (!isRecord(value)) return value;
      const { _use_default_values: defaults } = value;
      const unused = new Set<unknown>(Array.isArray(defaults) ? defaults : []);
      const isGiven = ([key, one]: [string, unknown]): boolean => !unused.has(key) && (one !== null || own.has(key));
      return Object.fromEntries(Object.entries(value).filter(isGiven));
    },
    strictKeys(all, { ...ANY_COMPONENT, ...harmless }),
  );
}
