import * as z from "zod/mini";
import { parseConfig } from "../config/config-error.js";
import { shortHash } from "../files/hash.js";
import {
  shippedTables,
  type AttentionRule,
  type GroupNormRule,
  type ProductRule,
  type TuningTable,
  type WinogradRule,
} from "../gpu/tuning.js";

// More than any network has: no rule with such a condition is ever used.
const MAX_SIZE = 2 ** 24;
const size = z.int().check(z.minimum(1), z.maximum(MAX_SIZE));

const tileSize = z.union([z.literal(16), z.literal(32), z.literal(64), z.literal(128)]);

const productRule = z.strictObject({
  kernel: z.enum(["direct", "broadcast", "uniform", "tiled", "matrix"]),
  ownRows: z.exactOptional(z.int().check(z.minimum(1), z.maximum(4))),
  tile: z.exactOptional(z.readonly(z.tuple([tileSize, tileSize]))),
  fill: z.exactOptional(z.int().check(z.minimum(1), z.maximum(2 ** 16))),
  minRows: z.exactOptional(size),
  maxColumns: z.exactOptional(size),
} satisfies Record<keyof ProductRule, z.ZodMiniType>) satisfies z.ZodMiniType<ProductRule>;

const attentionRule = z.strictObject({
  kernel: z.enum(["direct", "broadcast", "team", "matrix"]),
  ownKeys: z.exactOptional(z.int().check(z.minimum(1), z.maximum(16))),
  tile: z.exactOptional(z.readonly(z.tuple([tileSize, tileSize]))),
  minRows: z.exactOptional(size),
  minKeys: z.exactOptional(size),
} satisfies Record<keyof AttentionRule, z.ZodMiniType>) satisfies z.ZodMiniType<AttentionRule>;

const winogradRule = z.strictObject({
  form: z.enum(["f2", "f4"]),
  minChannels: z.exactOptional(size),
  maxBytes: z.exactOptional(z.int().check(z.minimum(1))),
  minTiles: z.exactOptional(size),
} satisfies Record<keyof WinogradRule, z.ZodMiniType>) satisfies z.ZodMiniType<WinogradRule>;

const groupNormRule = z.strictObject({
  kernel: z.enum(["chunked", "whole"]),
  invocations: z.exactOptional(z.int().check(z.minimum(1), z.maximum(256))),
  maxPositions: z.exactOptional(size),
} satisfies Record<keyof GroupNormRule, z.ZodMiniType>) satisfies z.ZodMiniType<GroupNormRule>;

/** The schema of `TuningTable`. A table with other keys is from another version, whose kernels are not these. */
export const tuningTable = z.strictObject({
  id: z.string().check(z.minLength(1)),
  products: z.readonly(z.array(productRule)),
  winograd: z.exactOptional(z.readonly(z.array(winogradRule))),
  keepsHalfWeights: z.exactOptional(z.boolean()),
  attention: z.exactOptional(z.readonly(z.array(attentionRule))),
  groupNorm: z.exactOptional(z.readonly(z.array(groupNormRule))),
} satisfies Record<keyof TuningTable, z.ZodMiniType>) satisfies z.ZodMiniType<TuningTable>;

/**
 * Checks a tuning table that was read as JSON, and names it by its content. Throws `ConfigError`, which calls it `source`, if it
 * is not valid.
 *
 * @example
 * const table = parseTuningTable(JSON.parse(text), "tuning.json");
 * using gpu = await openGpu({ tuning: table });
 */
export function parseTuningTable(value: unknown, source: string): TuningTable {
  return namedTable(parseConfig(tuningTable, value, source));
}

/** Names a table: as a shipped one if it has the same rules, else by a hash of its rules. */
export function namedTable(table: TuningTable): TuningTable {
  const content = canonical(table);
  const shipped = shippedTables.find((one) => canonical(one) === content);
  return shipped ?? { ...table, id: `tuned-${shortHash(content).slice(0, 8)}` };
}

/** The same text for the same choices, whatever their table is called and in whatever order its keys are. */
function canonical(table: TuningTable): string {
  return JSON.stringify({ ...table, id: "" }, (_, value: unknown) => {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    const chosen = Object.entries(value).filter(([, one]) => one !== false);
    return Object.fromEntries(chosen.sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
