import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Where screenshots go, for people: a folder for each kind. */
export const SCREENSHOTS = fileURLToPath(new URL("../../../output/app", import.meta.url));

/** What screenshots show: every tab as it looks on a first visit, or a state. */
export const KINDS = ["light", "dark", "phone", "dark phone", "empty", "busy", "full", "failed"] as const;

/** One of `KINDS`. */
export type Kind = (typeof KINDS)[number];

/** Vitest's global set-up: after all tests, writes a page that shows the screenshots that there are. */
export default function setup(): () => Promise<void> {
  return async () => {
    await mkdir(SCREENSHOTS, { recursive: true });
    const sections = await Promise.all(KINDS.map(section));
    await writeFile(join(SCREENSHOTS, "index.html"), page(sections.join("\n")));
  };
}

async function section(kind: Kind): Promise<string> {
  const files = await readdir(join(SCREENSHOTS, kind)).catch(() => []);
  const figures = files.filter((file) => file.endsWith(".png")).sort();
  if (figures.length === 0) return "";
  return `<h2>${kind}</h2>\n<div>\n${figures.map((file) => figure(kind, file)).join("\n")}\n</div>`;
}

function figure(kind: Kind, file: string): string {
  const url = [kind, file].map(encodeURIComponent).join("/");
  const name = file.replace(/\.png$/, "").replaceAll("&", "&amp;");
  return `<figure><a href="${url}"><img src="${url}" alt="${name}" loading="lazy"></a><figcaption>${name}</figcaption></figure>`;
}

function page(content: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Screenshots of the app</title>
<style>
  body { font: 16px system-ui; margin: 24px; }
  div { display: flex; flex-wrap: wrap; gap: 16px; align-items: end; }
  figure { margin: 0; }
  img { max-width: 480px; max-height: 480px; border: 1px solid #888; }
</style>
<h1>Screenshots of the app</h1>
${content}
`;
}
