import type { Checkpoint } from "../../../weights/checkpoint.js";
import { componentOf, type Component } from "./component.js";
import { knownConfig } from "./detect-config.js";
import { readByNames } from "./by-names.js";
import { readByVersion } from "./by-version.js";
import type { Evidence, Exhibit, Reading } from "./evidence.js";
import { parseOverrides } from "./overrides.js";
import type { Flag } from "./relevance.js";
import { CURRENT } from "./table.js";
import { DialectError } from "../../dialect-error.js";
import { dialectForVersion, type Dialect, type SamplerMode } from "./dialect.js";
import type { Header } from "../../../weights/formats/tensor-scope.js";

export interface DetectedDialect {
  readonly component: Component;
  readonly dialect: Dialect;
  /** By flag, for every flag that the component has. */
  readonly evidence: Readonly<Partial<Record<Flag, Evidence>>>;
  /** Flags that bear on this checkpoint and that nothing in it settles. */
  readonly assumed: readonly Flag[];
  /** At most one that names what was assumed, and one where the checkpoint contradicts itself. */
  readonly warnings: readonly string[];
}

export interface DetectOptions {
  /** The `version` entry of a load config: believed rather than the checkpoint's own. */
  readonly version?: string | null | undefined;
  /** The `dialect` entry of a load config: flags that are believed rather than anything else. */
  readonly overrides?: Readonly<Record<string, unknown>> | null | undefined;
  /** The train config beside the checkpoint; default the one in it. */
  readonly config?: unknown;
  /** Default "fixed". */
  readonly sampler?: SamplerMode | undefined;
}

/** What is read of a checkpoint; `tensors` are the model's, under its own names. */
export type DetectableCheckpoint = Pick<Checkpoint, "name" | "version" | "config"> & { readonly tensors: Header };

/**
 * The dialect of a checkpoint: by the user's word, else its version, else its names and shapes, else its config, else
 * what is likeliest. Reads no tensor. Throws `DialectError` for what is no model of this family and for versions before
 * 0.5.0, `ConfigError` for overrides that do not exist.
 */
export function detectDialect(checkpoint: DetectableCheckpoint, options: DetectOptions = {}): DetectedDialect {
  const { name, tensors } = checkpoint;
  const component = componentOf(tensors);
  if (component === undefined) {
    throw new DialectError(`${name} holds neither a prior nor a decoder nor a CLIP: no name in it is one of theirs`);
  }
  const exhibit: Exhibit = {
    name,
    component,
    tensors,
    config: knownConfig(options.config ?? checkpoint.config),
    overrides: parseOverrides(options.overrides ?? {}, name),
    mode: { sampler: options.sampler ?? "fixed" },
  };
  return overridden(exhibit, read(exhibit, options.version ?? undefined, checkpoint.version));
}

function read(exhibit: Exhibit, given: string | undefined, stored: string | undefined): Reading {
  if (given !== undefined) return readByVersion(exhibit, given, "override");
  if (exhibit.component === "clip") return CLIP_READING;
  return stored === undefined ? readByNames(exhibit) : readByVersion(exhibit, stored, "version");
}

/** A CLIP's file is not of DALLE2-pytorch; how its texts are masked is the adapter's, and the current one is as good as any. */
const CLIP_READING: Reading = {
  version: CURRENT,
  evidence: new Map<Flag, Evidence>([
    [
      "clipTextMask",
      {
        value: dialectForVersion(CURRENT, { sampler: "fixed" }).network.clipTextMask,
        source: "default",
        detail: "texts with an end token come out the same in every version since 0.20.0",
      },
    ],
  ]),
  assumed: [],
  warnings: [],
};

function overridden(exhibit: Exhibit, { version, evidence, assumed, warnings }: Reading): DetectedDialect {
  const all = new Map(evidence);
  for (const [flag, value] of Object.entries(exhibit.overrides)) {
    all.set(flag as Flag, { value, source: "override", detail: "dialect in the load config" });
  }
  const { network, sampler } = dialectForVersion(version, exhibit.mode);
  const overlay = <Flags extends object>(flags: Flags): Flags =>
    Object.fromEntries(
      Object.entries(flags).map(([flag, value]): [string, unknown] => [flag, all.get(flag as Flag)?.value ?? value]),
    ) as Flags;
  return {
    component: exhibit.component,
    dialect: { version, network: overlay(network), sampler: overlay(sampler) },
    evidence: Object.fromEntries(all),
    assumed,
    warnings,
  };
}
