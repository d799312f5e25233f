import type { Platform } from "./platform.js";

export const join: Platform["join"] = (...parts) => normalize(parts.filter((part) => part !== "").join("/"));

export const dirname: Platform["dirname"] = (path) => {
  const slash = path.lastIndexOf("/");
  if (slash < 0) return ".";
  return slash === 0 ? "/" : path.slice(0, slash);
};

export const isAbsolute: Platform["isAbsolute"] = (path) => path.startsWith("/");

function normalize(path: string): string {
  const root = path.startsWith("/") ? "/" : "";
  const kept: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    const climbs = part === ".." && kept.length > 0 && kept.at(-1) !== "..";
    if (climbs) kept.pop();
    else if (part !== ".." || root === "") kept.push(part);
  }
  return root + kept.join("/") || ".";
}
