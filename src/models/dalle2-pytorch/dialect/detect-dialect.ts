import type { Checkpoint } from "../../../weights/checkpoint.js";
import { componentOf, type Component } from "./component.js";
import { knownConfig } from "./detect-config.js";
import { readByNames } from "./by-names.js";
import { readByVersion } from "./by-version.js";
import type { Evidence, DetectionInput, Reading } from "./evidence.js";
import { parseOverrides } from "./overrides.js";
import type { Flag } from "./relevance.js";
import { CURRENT } from "./table.js";
import { DialectError } from "../../dialect-error.js";
import { dialectForVersion, type Dialect, type SamplerMode } from "./dialect.js";
import type { Header } from "../../../weights/formats/tensor-scope.js";

export interface DetectedDialect {
  readonly component: Component;
  readonly dialect: Dialect;
  /** For every flag of the component. */
  readonly evidence: Readonly<Partial<Record<Flag, Evidence>>>;
  /** Flags that matter for this checkpoint and that nothing in it settles. */
  readonly assumed: readonly Flag[];
  /** At most one that names what was assumed, and one if the checkpoint contradicts itself. */
  readonly warnings: readonly string[];
}

export interface DetectOptions {
  /** The `version` entry of a load config, which replaces that of the checkpoint. */
  readonly version?: string | null | undefined;
  /** The `dialect` entry of a load config: flags that replace all other sources. */
  readonly overrides?: Readonly<Record<string, unknown>> | null | undefined;
  /** The train config beside the checkpoint. Default: the one in it. */
  readonly config?: unknown;
  /** Default "fixed". */
  readonly sampler?: SamplerMode | undefined;
}

/** The data of a checkpoint that detection uses. `tensors` are the model's, under its own names. */
export type DetectableCheckpoint = Pick<Checkpoint, "name" | "version" | "config"> & { readonly tensors: Header };

/**
 * Detects the dialect of a checkpoint: from the user's settings, else from its version, else from its names and shapes, else
 * from its config, else the most likely one. Reads no tensor. Throws `DialectError` if the checkpoint has no model of this
 * family or a version before 0.5.0, `ConfigError` for unknown overrides.
 */
export function detectDialect(checkpoint: DetectableCheckpoint, options: DetectOptions = {}): DetectedDialect {
  const { name, tensors } = checkpoint;
  const component = componentOf(tensors);
  if (component === undefined) {
    throw new DialectError(`${name} does not contain a prior, a decoder or a CLIP: none of its names belongs to one`);
  }
  const input: DetectionInput = {
    name,
    component,
    tensors,
    config: knownConfig(options.config ?? checkpoint.config),
    overrides: parseOverrides(options.overrides ?? {}, name),
    mode: { sampler: options.sampler ?? "fixed" },
  };
  return overridden(input, read(input, options.version ?? undefined, checkpoint.version));
}

function read(input: DetectionInput, given: string | undefined, stored: string | undefined): Reading {
  if (given !== undefined) return readByVersion(input, given, "override");
  if (input.component === "clip") return CLIP_READING;
  return stored === undefined ? readByNames(input) : readByVersion(input, stored, "version");
}

/** A CLIP's file is not from DALLE2-pytorch. The mask of its texts depends on the adapter; the current one is used. */
const CLIP_READING: Reading = {
  version: CURRENT,
  evidence: new Map<Flag, Evidence>([
    [
      "clipTextMask",
      {
        value: dialectForVersion(CURRENT, { sampler: "fixed" }).network.clipTextMask,
        source: "default",
        detail: "texts with an end token give the same result in every version since 0.20.0",
      },
    ],
  ]),
  assumed: [],
  warnings: [],
};

function overridden(input: DetectionInput, { version, evidence, assumed, warnings }: Reading): DetectedDialect {
  const all = new Map(evidence);
  for (const [flag, value] of Object.entries(input.overrides)) {
    all.set(flag as Flag, { value, source: "override", detail: "dialect in the load config" });
  }
  const { network, sampler } = dialectForVersion(version, input.mode);
  const overlay = <Flags extends object>(flags: Flags): Flags =>
    Object.fromEntries(
      Object.entries(flags).map(([flag, value]): [string, unknown] => [flag, all.get(flag as Flag)?.value ?? value]),
    ) as Flags;
  return {
    component: input.component,
    dialect: { version, network: overlay(network), sampler: overlay(sampler) },
    evidence: Object.fromEntries(all),
    assumed,
    warnings,
  };
}
