import { counted } from "../platform/counted.js";
import { excerpt } from "../platform/printable.js";
import type { Opened } from "./opened.js";

/** Most names that a description lists. */
const MAX_LISTED = 8;

/** Describes an opened file or folder in a few words: the number and names of its tensors, or its components. */
export function describeOpened(opened: Opened): string {
  if (opened.kind === "folder") {
    const { _class_name: name, ...parts } = opened.index;
    const listed = Object.keys(parts).filter((part) => !part.startsWith("_"));
    return `a folder of class ${excerpt(String(name))}${listed.length > 0 ? ` with ${some(listed)}` : ""}`;
  }
  const { format, tensors } = opened;
  const groups = new Set([...tensors.keys()].map(groupOf));
  const count = counted(tensors.size, "tensor");
  return `${count} (${format}) named ${some([...groups])}`;
}

/** The part of a name before its first dot, which usually names a component. */
function groupOf(name: string): string {
  const dot = name.indexOf(".");
  return dot < 0 ? name : `${name.slice(0, dot)}.*`;
}

function some(names: readonly string[]): string {
  const listed = names.slice(0, MAX_LISTED).map((name) => excerpt(name));
  return names.length > MAX_LISTED ? `${listed.join(", ")} and ${names.length - MAX_LISTED} more` : listed.join(", ");
}
