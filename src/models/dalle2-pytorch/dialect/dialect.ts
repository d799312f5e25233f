import { DialectError } from "../../dialect-error.js";
import type { NetworkDialect, SamplerDialect } from "./flags.js";
import { CURRENT, NETWORK_HISTORY, OLDEST, SAMPLER_FIXES, SAMPLER_HISTORY } from "./table.js";
import type { Histories, History } from "./table.js";

/** Architecture and numerics of the DALLE2-pytorch version that made a checkpoint. Only constructors read it. */
export interface Dialect {
  readonly version: string;
  readonly network: NetworkDialect;
  readonly sampler: SamplerDialect;
}

/**
 * `fixed`: sampler bugs of the library in that version are corrected. `as-written`: they are reproduced, for comparison with
 * its outputs.
 */
export type SamplerMode = "fixed" | "as-written";

/** The numbers of a release. What follows them (`a1`, `.post2`, `+local`) does not change the dialect. */
function release(version: string): readonly number[] {
  const match = /^v?(\d+(?:\.\d+)*)/.exec(version.trim());
  if (match === null) {
    throw new DialectError(`"${version}" is not a version of DALLE2-pytorch; expected one like "${CURRENT}"`);
  }
  return match[1]!.split(".").map(Number);
}

/** Negative if `a` is older than `b`, 0 if they are the same release ("1.2" is "1.2.0"), else positive. */
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
 * The dialect of a version of DALLE2-pytorch, such as "1.10.4". Versions after the newest known one use its dialect. Throws
 * {@link DialectError} for an invalid version, and for versions before 0.5.0, of which no checkpoints are known.
 */
export function dialectForVersion(version: string, mode: { readonly sampler: SamplerMode }): Dialect {
  if (compareVersions(version, OLDEST) < 0) {
    throw new DialectError(`DALLE2-pytorch ${version} is older than ${OLDEST}, the oldest supported version`, {
      advice: "retrain or convert with a later version",
    });
  }
  const sampler = flagsAt(SAMPLER_HISTORY, version);
  return {
    version,
    network: flagsAt(NETWORK_HISTORY, version),
    sampler: mode.sampler === "fixed" ? { ...sampler, ...SAMPLER_FIXES } : sampler,
  };
}

/** The dialect of the current DALLE2-pytorch. Its samplers have no known bugs, so both modes are the same. */
export const currentDialect: Dialect = dialectForVersion(CURRENT, { sampler: "fixed" });
