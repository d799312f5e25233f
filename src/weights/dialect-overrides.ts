import { ConfigError } from "../config/config-error.js";
import type { NetworkDialect, SamplerDialect } from "./dialect-flags.js";
import type { Flag } from "./dialect-relevance.js";
import { NETWORK_HISTORY, SAMPLER_HISTORY, type History } from "./dialect-table.js";

/** Flags that a user sets. */
export type DialectOverrides = Partial<NetworkDialect & SamplerDialect>;

const HISTORIES = { ...NETWORK_HISTORY, ...SAMPLER_HISTORY } as Readonly<Record<Flag, History<unknown>>>;

/** Checks the `dialect` entry of a load config. Throws one `ConfigError` that lists every name and value that is none. */
export function parseOverrides(given: Readonly<Record<string, unknown>>): DialectOverrides {
  const faults = Object.entries(given).flatMap(([flag, value]) => {
    if (!Object.hasOwn(HISTORIES, flag)) {
      return [`dialect.${flag} is not a flag; the flags are ${Object.keys(HISTORIES).join(", ")}`];
    }
    const values = [...new Set(HISTORIES[flag as Flag].map(([, known]) => known))];
    if (values.includes(value)) return [];
    return [
      `dialect.${flag} is ${JSON.stringify(value)}; it can be ${values.map((known) => JSON.stringify(known)).join(", ")}`,
    ];
  });
  if (faults.length > 0) throw new ConfigError(faults.join("\n"));
  return given;
}
