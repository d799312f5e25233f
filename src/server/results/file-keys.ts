// The keys of files in a store. A sweep removes files with such keys alone: the folder may hold others.
import { randomBytes } from "node:crypto";
import type { ResultFormat, StoredFile } from "./types.js";

const RESULTS = "results/";
const REPEATABLE = "repeatable/";

/** How long a repeated request gets the images of the first, in milliseconds. */
export const REPEATABLE_MS = 24 * 3_600_000;

/** In an id is when the result ends, in seconds since 1970 to base 36. */
const RESULT_FILE = /^(([0-9a-z]{1,9})-[0-9a-f]{32})\.(png|jpeg|webp)$/;
const REPEATABLE_KEY = /^repeatable\/[\w-]+\/(?:record\.json|\d+\.png)$/;

/** Where all files are that a sweep may remove. */
export const SWEPT_PREFIXES = [RESULTS, REPEATABLE] as const;

/** A new id of a result that is kept until then. */
export function newResultId(endMs: number): string {
  return `${Math.ceil(endMs / 1000).toString(36)}-${randomBytes(16).toString("hex")}`;
}

/** When a result ends, by its id. NaN for what is no id. */
export function endOfResult(id: string): number {
  return parseInt(/^([0-9a-z]{1,9})-/.exec(id)?.[1] ?? "", 36) * 1000;
}

/** The id and the format in the name of a result's file; undefined for other names. */
export function parseResultFile(file: string): { readonly id: string; readonly format: ResultFormat } | undefined {
  const [, id, , format] = RESULT_FILE.exec(file) ?? [];
  return id === undefined ? undefined : { id, format: format as ResultFormat };
}

/** The key of a result. */
export const resultKey = (id: string, format: ResultFormat): string => `${RESULTS}${id}.${format}`;

/** The key of what is known of a repeatable request. */
export const recordKey = (jobId: string): string => `${REPEATABLE}${jobId}/record.json`;

/** The key of an image of a repeatable request. */
export const imageKey = (jobId: string, index: number): string => `${REPEATABLE}${jobId}/${index}.png`;

/** When a file may be removed, in milliseconds since 1970; undefined for files of others. */
export function endOfFile({ key, modified }: StoredFile): number | undefined {
  if (REPEATABLE_KEY.test(key)) return modified + REPEATABLE_MS;
  const result = key.startsWith(RESULTS) ? parseResultFile(key.slice(RESULTS.length)) : undefined;
  return result && endOfResult(result.id);
}
