import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { inject } from "vitest";
import { ServerProcess } from "../../server/support/server-process.js";

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
  /** URL of the page. */
  readonly url: string;
  close(): Promise<void>;
}

/** The built app as files of a host. */
export interface StaticApp extends ServedApp {
  /** Paths of all requests, oldest first. */
  readonly requests: string[];
  /** Builds the version of another config of Vite. `deploy` then serves it at the same URL. */
  readonly buildVersion: (config: string) => Promise<{ readonly deploy: () => void }>;
}

const newFolder = (): Promise<string> => mkdtemp(join(tmpdir(), "dalle2-app-"));

/** Builds the app into a folder of its own, as `npm run web:build` does. */
async function buildVersionOf(config: string): Promise<string> {
  const folder = await newFolder();
  const vite = join(root, "node_modules/vite/bin/vite.js");
  const args = [vite, "build", "web", "--config", config, "--outDir", folder, "--emptyOutDir", "--logLevel", "error"];
  // vitest sets NODE_ENV, which Vite follows.
  const env = { ...process.env, NODE_ENV: "production" };
  await promisify(execFile)(process.execPath, args, { cwd: root, env });
  return folder;
}

/** The app, which the first process of a run that asks for it builds: the others wait for that. */
async function builtOnce(): Promise<string> {
  const folder = join(inject("runFolder"), "app");
  const failure = `${folder}.failed`;
  const isFirst = await mkdir(`${folder}.lock`).then(
    () => true,
    () => false,
  );
  if (isFirst) {
    try {
      await rename(await buildVersionOf("web/vite.config.ts"), folder);
    } catch (error) {
      await writeFile(failure, String(error));
    }
  }
  while (!existsSync(folder)) {
    if (existsSync(failure)) throw new Error(`The app could not be built: ${await readFile(failure, "utf8")}`);
    await pause(50);
  }
  return folder;
}

/** A copy of the app, which is built once in a run of tests. */
export async function buildApp(): Promise<string> {
  const folder = await newFolder();
  await cp(await builtOnce(), folder, { recursive: true });
  return folder;
}

/**
 * Builds the app, and serves it as a static folder below a path, as any host does: no ranges, no headers but the type. Each call
 * has a folder of its own: tests run side by side.
 */
export async function serveApp(): Promise<StaticApp> {
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
  const buildVersion: StaticApp["buildVersion"] = async (config) => {
    const next = await buildVersionOf(config);
    folders.push(next);
    return { deploy: () => (folder = next) };
  };
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/app/`;
  return { url, requests, buildVersion, close };
}

/** Builds the app, and starts `dalle2 serve` with it, on lavapipe. */
export async function serveByServer(): Promise<ServedApp> {
  const folder = await buildApp();
  const server = await ServerProcess.start({ args: ["--page", folder] });
  const close = async (): Promise<void> => {
    await server.stop();
    await rm(folder, { recursive: true });
  };
  return { url: `${server.url}/`, close };
}
