import type { z } from "zod";

/** A configuration that cannot be used. The message names the file or source, the path in it, what was found and what is expected. */
export class ConfigError extends Error {
  override name = "ConfigError";
}

/** Writes a path as a reader of the JSON would: `decoder.unets[0].dim`. */
function formatPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === "number") return `${text}[${key}]`;
    return text === "" ? String(key) : `${text}.${String(key)}`;
  }, "");
}

/** Checks `value` against `schema` and returns it with defaults filled in; throws one {@link ConfigError} that lists every fault. `source` names the file. */
export function parseConfig<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  source: string,
): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const faults = result.error.issues.map((issue) => {
    const path = formatPath(issue.path);
    return path === "" ? issue.message : `${path}: ${issue.message}`;
  });
  throw new ConfigError(`${source} is not a valid configuration:\n  ${faults.join("\n  ")}`);
}
