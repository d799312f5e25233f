import { ConfigError, nearestName } from "../../../config/config-error.js";
import type { NetworkDialect, SamplerDialect } from "./flags.js";
import type { Flag } from "./relevance.js";
import { NETWORK_HISTORY, SAMPLER_HISTORY, type History } from "./table.js";

/** Flags that a user sets. */
export type DialectOverrides = Partial<NetworkDialect & SamplerDialect>;

const HISTORIES = { ...NETWORK_HISTORY, ...SAMPLER_HISTORY } as Readonly<Record<Flag, History<unknown>>>;

/**
 * Checks the `dialect` entry of a load config for the checkpoint `name`. Throws one `ConfigError` that lists every unknown
 * name and value.
 */
export function parseOverrides(given: Readonly<Record<string, unknown>>, name: string): DialectOverrides {
  const faults = Object.entries(given).flatMap(([flag, value]) => {
    if (!Object.hasOwn(HISTORIES, flag)) {
      const flags = Object.keys(HISTORIES);
      const nearest = nearestName(flag, flags);
      const hint = nearest === undefined ? `the flags are ${flags.join(", ")}` : `did you mean ${nearest}?`;
      return [`dialect.${flag} is not a flag; ${hint}`];
    }
    const values = [...new Set(HISTORIES[flag as Flag].map(([, known]) => known))];
    if (values.includes(value)) return [];
    return [
      `dialect.${flag} is ${JSON.stringify(value)}; it can be ${values.map((known) => JSON.stringify(known)).join(", ")}`,
    ];
  });
  if (faults.length > 0) throw new ConfigError(`The load config of ${name}:\n  ${faults.join("\n  ")}`);
  return given;
}
