import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type BuildResult } from "esbuild";
import { chromium, type Browser } from "playwright-core";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** The Chromium of the browser tests; the variable `CHROMIUM` names another one. */
export const chromiumPath = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/google-chrome"].find(
  (path) => path !== undefined && existsSync(path),
);

/** Starts a headless Chromium with SwiftShader and without network. */
export function launchChromium(executablePath: string): Promise<Browser> {
  const gpu = ["--headless=new", "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--no-sandbox"];
  const quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic"];
  return chromium.launch({ executablePath, args: [...gpu, ...quiet, "--no-first-run"] });
}

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

/** Serves an empty page at `/`, the bundle at `/page.js`, and byte ranges of test/fixtures below `/fixtures/`. */
export async function servePage(script: string): Promise<{ url: string; server: Server }> {
  const html = `<!doctype html><title>test</title><script type="module" src="/page.js"></script>`;
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    if (pathname === "/") response.setHeader("content-type", "text/html").end(html);
    else if (pathname === "/page.js") response.setHeader("content-type", "text/javascript").end(script);
    else if (pathname.startsWith("/fixtures/")) void sendRange(join(root, "test", pathname), request, response);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, server };
}

/** Answers a request for `bytes=first-last` of a file. */
async function sendRange(file: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
  const bytes = await readFile(file).catch(() => undefined);
  if (!bytes || !range) {
    response.writeHead(bytes ? 400 : 404).end();
    return;
  }
  const [first, last] = [Number(range[1]), Number(range[2])];
  response
    .writeHead(206, { "content-range": `bytes ${first}-${last}/${bytes.length}` })
    .end(bytes.subarray(first, last + 1));
}
