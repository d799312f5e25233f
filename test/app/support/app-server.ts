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
  /** Builds the version of another config of Vite. `deploy` then serves it at the same URL. */
  readonly buildVersion: (config: string) => Promise<{ readonly deploy: () => void }>;
  close(): Promise<void>;
}

/** Builds the app into a folder of its own, as `npm run web:build` does. */
async function buildApp(config = "web/vite.config.ts"): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "dalle2-app-"));
  const vite = join(root, "node_modules/vite/bin/vite.js");
  const args = [vite, "build", "web", "--config", config, "--outDir", folder, "--emptyOutDir", "--logLevel", "error"];
  // vitest sets NODE_ENV, which Vite follows.
  const env = { ...process.env, NODE_ENV: "production" };
  await promisify(execFile)(process.execPath, args, { cwd: root, env });
  return folder;
}

/**
 * Builds the app, and serves it as a static folder below a path, as any host does: no ranges, no headers but the type. Each call
 * has a folder of its own: tests run side by side.
 */
export async function serveApp(): Promise<ServedApp> {
  const folders = [await buildApp()];
  let [folder] = folders;
  const requests: string[] = [];
  const server: Server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    requests.push(pathname);
    const path = normalize(decodeURIComponent(pathname.replace(/\/$/, "/index.html")));
    if (!path.startsWith("/app/")) {
      response.writeHead(404).end();
      return;
    }
    readFile(join(folder!, path.slice("/app/".length))).then(
      (bytes) => response.setHeader("content-type", TYPES[extname(path)] ?? "application/octet-stream").end(bytes),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    for (const one of folders) await rm(one, { recursive: true });
  };
  const buildVersion: ServedApp["buildVersion"] = async (config) => {
    const next = await buildApp(config);
    folders.push(next);
    return { deploy: () => (folder = next) };
  };
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/app/`;
  return { url, requests, buildVersion, close };
}
