import * as z from "zod";
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
const size = z.int().min(1).max(MAX_SIZE);

const tileSize = z.union([z.literal(16), z.literal(32), z.literal(64), z.literal(128)]);

const productRule = z.strictObject({
  kernel: z.enum(["direct", "broadcast", "tiled", "matrix"]),
  ownRows: z.int().min(1).max(16).exactOptional(),
  tile: z.tuple([tileSize, tileSize]).readonly().exactOptional(),
  fill: z
    .int()
    .min(1)
    .max(2 ** 16)
    .exactOptional(),
  minRows: size.exactOptional(),
} satisfies Record<keyof ProductRule, z.ZodType>) satisfies z.ZodType<ProductRule>;

const attentionRule = z.strictObject({
  kernel: z.enum(["direct", "broadcast", "team"]),
  ownKeys: z.int().min(1).max(16).exactOptional(),
  minKeys: size.exactOptional(),
} satisfies Record<keyof AttentionRule, z.ZodType>) satisfies z.ZodType<AttentionRule>;

const winogradRule = z.strictObject({
  form: z.enum(["f2", "f4"]),
  minChannels: size.exactOptional(),
  maxBytes: z.int().min(1).exactOptional(),
} satisfies Record<keyof WinogradRule, z.ZodType>) satisfies z.ZodType<WinogradRule>;

const groupNormRule = z.strictObject({
  kernel: z.enum(["chunked", "whole"]),
  invocations: z.int().min(1).max(256).exactOptional(),
  maxPositions: size.exactOptional(),
} satisfies Record<keyof GroupNormRule, z.ZodType>) satisfies z.ZodType<GroupNormRule>;

/** The schema of `TuningTable`. A table with other keys is from another version, whose kernels are not these. */
export const tuningTable = z.strictObject({
  id: z.string().min(1),
  products: z.array(productRule).readonly(),
  winograd: z.array(winogradRule).readonly().exactOptional(),
  keepsHalfWeights: z.boolean().exactOptional(),
  attention: z.array(attentionRule).readonly().exactOptional(),
  groupNorm: z.array(groupNormRule).readonly().exactOptional(),
} satisfies Record<keyof TuningTable, z.ZodType>) satisfies z.ZodType<TuningTable>;

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
