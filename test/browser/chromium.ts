import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type BuildResult } from "esbuild";
import { chromium, type Browser } from "playwright-core";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** The installed Chromium that the browser tests drive; `CHROMIUM` names another one. */
export const chromiumPath = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/google-chrome"].find(
  (path) => path !== undefined && existsSync(path),
);

/** Starts a headless Chromium that computes with SwiftShader and stays off the network. */
export function launchChromium(executablePath: string): Promise<Browser> {
  const gpu = ["--headless=new", "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--no-sandbox"];
  const quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic"];
  return chromium.launch({ executablePath, args: [...gpu, ...quiet, "--no-first-run"] });
}

/** Bundles a module of this repository as a browser build does. Fails on any import that browsers do not have. */
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

/** Serves an empty page at `/`, the bundle at `/page.js`, and the files of test/fixtures below `/fixtures/`. */
export async function servePage(script: string): Promise<{ url: string; server: Server }> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    const send = (type: string, body: string | Uint8Array): void => {
      response.writeHead(200, { "content-type": type }).end(body);
    };
    if (pathname === "/") {
      send("text/html", `<!doctype html><title>test</title><script type="module" src="/page.js"></script>`);
    } else if (pathname === "/page.js") {
      send("text/javascript", script);
    } else if (pathname.startsWith("/fixtures/")) {
      readFile(join(root, "test", normalize(pathname))).then(
        (bytes) => {
          send("application/octet-stream", bytes);
        },
        () => response.writeHead(404).end(),
      );
    } else {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, server };
}
