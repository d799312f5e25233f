import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = fileURLToPath(new URL("../../..", import.meta.url));

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

/** Builds the app into a folder, as `npm run web:build` does. */
async function buildApp(folder: string): Promise<void> {
  const vite = join(root, "node_modules/vite/bin/vite.js");
  const args = [vite, "build", "web", "--outDir", folder, "--emptyOutDir", "--logLevel", "error"];
  // vitest sets NODE_ENV, which Vite follows.
  const env = { ...process.env, NODE_ENV: "production" };
  await promisify(execFile)(process.execPath, args, { cwd: root, env });
}

/**
 * Builds the app, and serves it as a static folder below a path, as any host does: no ranges, no headers but the type. Each call
 * has a folder of its own: tests run side by side.
 */
export async function serveApp(): Promise<ServedApp> {
  const folder = await mkdtemp(join(tmpdir(), "dalle2-app-"));
  await buildApp(folder);
  const requests: string[] = [];
  const server: Server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    requests.push(pathname);
    const path = normalize(decodeURIComponent(pathname.replace(/\/$/, "/index.html")));
    if (!path.startsWith("/app/")) {
      response.writeHead(404).end();
      return;
    }
    readFile(join(folder, path.slice("/app/".length))).then(
      (bytes) => response.setHeader("content-type", TYPES[extname(path)] ?? "application/octet-stream").end(bytes),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true });
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/app/`, requests, close };
}
