// Reads the JSON of load configs, and gives their schema.
import { keepsRelativeFiles } from "#platform";
import { nameInUrl } from "../config/file-location.js";
import { loadConfigSchema, type FamilyKeys } from "../config/load-config-schema.js";
import { parseJson, readJson } from "../config/read-json.js";
import { isUrl } from "../files/open.js";
import type { RemoteOptions } from "../files/remote-options.js";
import { families } from "../models/families.js";
import type { Family } from "../models/family.js";
import { MAX_BYTES } from "../platform/limits.js";
import { loadPart } from "../platform/load-part.js";

/** How the JSON of a config is read. */
type ReadConfigOptions = Omit<RemoteOptions, "keep"> & { readonly keepDownloads?: boolean | undefined };

const SCHEMAS = new WeakMap<readonly Family[], ReturnType<typeof loadConfigSchema>>();

/**
 * Returns the schema of load configs, with the keys of all families.
 *
 * @internal
 */
export function currentSchema() {
  const known = families();
  let schema = SCHEMAS.get(known);
  if (!schema) {
    schema = loadConfigSchema(Object.assign({}, ...known.map(({ configKeys }) => configKeys)) as FamilyKeys);
    SCHEMAS.set(known, schema);
  }
  return schema;
}

/** Reads the JSON of a config. In browsers it is kept if it is from a server. */
export async function readConfig(location: string, options: ReadConfigOptions): Promise<unknown> {
  if (!isUrl(location) || !keepsRelativeFiles) return readJson(location, options);
  const file = { url: location, filename: nameInUrl(location) || "config.json", maxBytes: MAX_BYTES.config };
  const { fetchOrKept } = await loadPart("kept files", () => import("../files/kept-bytes.js"));
  return parseJson(await fetchOrKept(file, { ...options, keep: options.keepDownloads }), location);
}
