import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type BuildResult } from "esbuild";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Bundles a module of this repository for browsers. Fails on imports that browsers do not have. */
export function bundleForBrowser(entry: string): Promise<BuildResult<{ write: false; metafile: true }>> {
  return build({
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    platform: "browser",
    format: "esm",
    target: "es2022",
    alias: { "#platform": "./src/platform/browser.ts" },
    write: false,
    metafile: true,
    logLevel: "silent",
  });
}

/** Folders of the repository that the pages may read, by the first part of their URL. */
const FOLDERS: Readonly<Record<string, string>> = {
  fixtures: "test/fixtures",
  configs: "configs",
  images: "examples/images",
};

export interface ServedPage {
  readonly url: string;
  readonly server: Server;
  /** Paths of all requests, oldest first. */
  readonly requests: string[];
}

/** Serves an empty page at `/`, scripts by name, and files of the repository, whole or by byte ranges. */
export async function servePage(scripts: Readonly<Record<string, string>>): Promise<ServedPage> {
  const html = `<!doctype html><title>test</title><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>`;
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    requests.push(pathname);
    const [, folder = "", ...path] = pathname.split("/");
    const script = scripts[folder];
    if (pathname === "/") response.setHeader("content-type", "text/html").end(html);
    else if (script !== undefined) response.setHeader("content-type", "text/javascript").end(script);
    else if (folder in FOLDERS) void sendFile(join(root, FOLDERS[folder]!, ...path), request, response);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, server, requests };
}

/** Answers with a file, or with the `bytes=first-last` or `bytes=first-` of it that the request asks for. */
async function sendFile(file: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const bytes = await readFile(file).catch(() => undefined);
  const asked = request.headers.range;
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(asked ?? "") ?? [];
  if (!bytes || (asked !== undefined && first === undefined)) response.writeHead(bytes ? 400 : 404).end();
  else if (first === undefined) response.end(bytes);
  else {
    const end = last ? Math.min(Number(last) + 1, bytes.length) : bytes.length;
    response.writeHead(206, { "content-range": `bytes ${first}-${end - 1}/${bytes.length}` });
    response.end(bytes.subarray(Number(first), end));
  }
}
