import type { ModelKind } from "../../weights/tree/model-names.js";
import type { Claim } from "../family.js";
import type { OpenedFolder } from "../opened.js";
import { componentsOf } from "./components.js";

/** The models that a claim can be loaded as. */
export function kindsOf({ kind }: Pick<Claim, "kind">): readonly ModelKind[] {
  return kind === undefined ? [] : typeof kind === "string" ? [kind] : kind;
}

/** The components of a folder that models of these kinds read. */
export function componentsRead(
  folder: OpenedFolder,
  { components }: Claim,
  kinds: readonly ModelKind[],
): readonly string[] {
  const all = [...componentsOf(folder).keys()];
  if (!components) return all;
  const read = new Set(kinds.flatMap((kind) => components[kind] ?? []));
  return all.filter((component) => read.has(component));
}
