/** Options of a model by its shapes: to check a config, and to complete it. */
import { isRecord } from "../../../platform/objects.js";
import { ConfigError } from "../../../config/config-error.js";
import type { Shape, TensorScope } from "../../../weights/formats/tensor-scope.js";

/** A value and the tensor that it was read from. */
export interface Fact<Value> {
  readonly value: Value;
  readonly from: string;
}

/** The options that shapes determine, without those that the version does not have. */
export type Facts<Options> = { readonly [Option in keyof Options]?: Fact<Options[Option]> };

/** An option that shapes do not determine, by its path in the config. */
export interface OpenOption {
  readonly path: string;
  /** The reference's default; undefined if the option is required. */
  readonly fallback?: unknown;
}

/** What shapes tell about a part of a model, such as one U-Net. */
export interface Inferred<Options> {
  readonly facts: Facts<Options>;
  /** Paths are relative to the part's own config. */
  readonly open: readonly OpenOption[];
}

/** A part of a model: its options by its config, and the facts from its shapes. */
export interface CheckedPart<Options> {
  /** Path of its config, for messages: `decoder.unets[0]`. */
  readonly path: string;
  readonly options: Options;
  readonly facts: Facts<Options>;
}

/** An error that lists every option that contradicts the shapes in the checkpoint `name`; undefined if none does. */
export function misfitOf<Options extends object>(
  name: string,
  parts: readonly CheckedPart<Options>[],
): ConfigError | undefined {
  const contradictions = parts.flatMap((part) => contradictionsOf(part));
  if (contradictions.length === 0) return undefined;
  return new ConfigError(
    `the config does not fit ${name}:\n  ${contradictions.join("\n  ")}\nIt is the config of another model, or it was edited.`,
  );
}

/** Lines such as `unets[0].dim: config says 320, to_time_hiddens.1.weight says 416`. */
export function contradictionsOf<Options extends object>({ path, options, facts }: CheckedPart<Options>): string[] {
  const known = Object.entries<Fact<unknown> | undefined>(facts);
  return known.flatMap(([option, fact]) => {
    const said = shown(options[option as keyof Options]);
    if (fact === undefined || said === shown(fact.value)) return [];
    return [`${path}.${configName(option)}: config says ${said}, ${fact.from} says ${shown(fact.value)}`];
  });
}

function shown(value: unknown): string {
  return value === undefined ? "none" : JSON.stringify(value);
}

/** Facts under their names in a config. */
export function asConfig<Options>(facts: Facts<Options>): Record<string, unknown> {
  const known = Object.entries<Fact<unknown> | undefined>(facts);
  return Object.fromEntries(known.map(([option, fact]) => [configName(option), fact?.value]));
}

/** `given`, with missing or null entries from `inferred`. */
export function complete(given: unknown, inferred: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const entries = isRecord(given) ? Object.entries(given).filter(([, value]) => value != null) : [];
  return { ...inferred, ...Object.fromEntries(entries) };
}

/** True if a network's config is a full train config, which always has `dim`, not a part of one. */
export function isFullConfig(network: unknown): boolean {
  return isRecord(network) && network.dim != null;
}

/** The required open options that are missing. `given` is the config that their paths start from. */
export function missingOptions(open: readonly OpenOption[], given: unknown): readonly string[] {
  return open
    .filter(({ path, fallback }) => fallback === undefined && valueAt(given, path) == null)
    .map(({ path }) => path);
}

/** `dimMults` is `dim_mults` in a config. */
export function configName(option: string): string {
  return option.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** A fact from a tensor's shape, if the tensor exists. */
export function fact<Value>(
  tensors: TensorScope,
  from: string,
  value: (shape: Shape) => Value,
): Fact<Value> | undefined {
  const shape = tensors.shape(from);
  return shape && { value: value(shape), from };
}

/** Entries that are not undefined. */
export function present<Options>(facts: {
  readonly [Option in keyof Options]?: Fact<Options[Option]> | undefined;
}): Facts<Options> {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)) as Facts<Options>;
}

/** The value at a path such as `unets[0].attn_heads`. */
function valueAt(root: unknown, path: string): unknown {
  return path.split(/[.[\]]+/).reduce<unknown>((value, key) => {
    if (typeof value !== "object" || value === null) return undefined;
    return (value as Readonly<Record<string, unknown>>)[key];
  }, root);
}
