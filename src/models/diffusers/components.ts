// The components that the index of a model folder names: {"prior": ["diffusers", "PriorTransformer"], …}.
import type { OpenedFolder } from "../opened.js";

/** The class of a component, and the library that has it. */
export interface ComponentClass {
  readonly library: string;
  readonly name: string;
}

/** The components of a folder, by name. Entries that are null, `[null, null]`, or no classes are absent. */
export function componentsOf({ index }: Pick<OpenedFolder, "index">): ReadonlyMap<string, ComponentClass> {
  const found = new Map<string, ComponentClass>();
  for (const [component, entry] of Object.entries(index)) {
    const [library, name] = Array.isArray(entry) ? (entry as readonly unknown[]) : [];
    if (typeof library === "string" && typeof name === "string") found.set(component, { library, name });
  }
  return found;
}
