import { readFile } from "node:fs/promises";
import * as z from "zod/mini";
import type { Header } from "../../src/weights/formats/tensor-scope.js";

/**
 * Names and shapes of the state dicts that every version of DALLE2-pytorch from 0.5.0 to 1.15.6 makes from the same options
 * (test/fixtures/headers): each version's own classes were built and their state dicts listed, without values. Versions with
 * the same names and shapes are grouped. Three versions could not build a decoder. Options that a version does not have were
 * left out.
 */
export interface HeaderSet {
  /** Arguments of the reference's constructors, `None` if missing. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly groups: readonly { readonly versions: readonly string[]; readonly header: Header }[];
}

interface Tree {
  readonly [key: string]: Tree | readonly number[];
}

const tree: z.ZodMiniType<Tree> = z.lazy(() => z.record(z.string(), z.union([z.array(z.int()), tree])));
const file = z.object({
  options: z.record(z.string(), z.unknown()),
  headers: z.array(z.object({ versions: z.array(z.string()).check(z.minLength(1)), tensors: tree })),
});

export async function headerSet(name: string): Promise<HeaderSet> {
  const path = new URL(`../fixtures/headers/${name}.json`, import.meta.url);
  const { options, headers } = file.parse(JSON.parse(await readFile(path, "utf8")));
  return {
    options,
    groups: headers.map(({ versions, tensors }) => ({ versions, header: new Map(flatten(tensors, "")) })),
  };
}

function flatten(node: Tree, prefix: string): [string, { shape: readonly number[] }][] {
  return Object.entries(node).flatMap(([key, value]) =>
    isShape(value) ? [[prefix + key, { shape: value }]] : flatten(value, `${prefix}${key}.`),
  );
}

function isShape(value: Tree | readonly number[]): value is readonly number[] {
  return Array.isArray(value);
}
