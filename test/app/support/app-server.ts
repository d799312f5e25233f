import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = fileURLToPath(new URL("../../..", import.meta.url));

/** Where the built app is for tests. */
const BUILT = join(root, ".cache/app");

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".webmanifest": "application/manifest+json",
};

/** The built app on a server. */
export interface ServedApp {
  /** URL of the page, in a folder of the host. */
  readonly url: string;
  /** Paths of all requests, oldest first. */
  readonly requests: string[];
  close(): Promise<void>;
}

/** Builds the app as `npm run web:build` does. */
export async function buildApp(): Promise<void> {
  const vite = join(root, "node_modules/vite/bin/vite.js");
  const args = [vite, "build", "web", "--outDir", BUILT, "--emptyOutDir", "--logLevel", "error"];
  // vitest sets NODE_ENV, which Vite follows.
  const env = { ...process.env, NODE_ENV: "production" };
  await promisify(execFile)(process.execPath, args, { cwd: root, env });
}

/** Serves the built app as a static folder below a path, as any host does: no ranges, no headers but the type. */
export async function serveApp(): Promise<ServedApp> {
  const requests: string[] = [];
  const server: Server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    requests.push(pathname);
    const path = normalize(decodeURIComponent(pathname.replace(/\/$/, "/index.html")));
    if (!path.startsWith("/app/")) {
      response.writeHead(404).end();
      return;
    }
    readFile(join(BUILT, path.slice("/app/".length))).then(
      (bytes) => response.setHeader("content-type", TYPES[extname(path)] ?? "application/octet-stream").end(bytes),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/app/`, requests, close };
}
