import { DialectError } from "../../dialect-error.js";
import type { NetworkDialect, SamplerDialect } from "./flags.js";
import { CURRENT, NETWORK_HISTORY, OLDEST, SAMPLER_FIXES, SAMPLER_HISTORY } from "./table.js";
import type { Histories, History } from "./table.js";

/** Architecture and numerics of the DALLE2-pytorch version that made a checkpoint. Read in constructors only. */
export interface Dialect {
  readonly version: string;
  readonly network: NetworkDialect;
  readonly sampler: SamplerDialect;
}

/** `fixed`: the library's own sampler bugs of that time are mended. `as-written`: they are reproduced, to compare with its outputs. */
export type SamplerMode = "fixed" | "as-written";

/** Numbers of a release; what follows them (`a1`, `.post2`, `+local`) makes no difference to a dialect. */
function release(version: string): readonly number[] {
  const match = /^v?(\d+(?:\.\d+)*)/.exec(version.trim());
  if (match === null) {
    throw new DialectError(`"${version}" is not a version of DALLE2-pytorch; expected one like "${CURRENT}"`);
  }
  return match[1]!.split(".").map(Number);
}

/** Negative where `a` is older than `b`, 0 where they are the same release ("1.2" is "1.2.0"), positive otherwise. */
export function compareVersions(a: string, b: string): number {
  const left = release(a);
  const right = release(b);
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function valueAt<Value>(history: History<Value>, version: string): Value {
  return history.findLast(([since]) => compareVersions(since, version) <= 0)![1];
}

function flagsAt<Flags extends object>(histories: Histories<Flags>, version: string): Flags {
  const entries = Object.entries<History<unknown>>(histories).map(([flag, history]) => [
    flag,
    valueAt(history, version),
  ]);
  return Object.fromEntries(entries) as Flags;
}

/**
 * The dialect of a version of DALLE2-pytorch, such as "1.10.4". Versions later than the newest known take its dialect.
 * Throws {@link DialectError} for what is no version, and for versions before 0.5.0, of which no checkpoints are known.
 */
export function dialectForVersion(version: string, mode: { readonly sampler: SamplerMode }): Dialect {
  if (compareVersions(version, OLDEST) < 0) {
    throw new DialectError(
      `DALLE2-pytorch ${version} is older than ${OLDEST}, the oldest version whose checkpoints can be read`,
      { advice: "retrain or convert with a later version" },
    );
  }
  const sampler = flagsAt(SAMPLER_HISTORY, version);
  return {
    version,
    network: flagsAt(NETWORK_HISTORY, version),
    sampler: mode.sampler === "fixed" ? { ...sampler, ...SAMPLER_FIXES } : sampler,
  };
}

/** The dialect of DALLE2-pytorch today; its samplers have no known bugs, so both modes are the same. */
export const currentDialect: Dialect = dialectForVersion(CURRENT, { sampler: "fixed" });
