// The app at `/`: the files of its build, and the load configs and the included model beside it.
import { readFile, stat } from "node:fs/promises";
import { extname, join, normalize, resolve, sep } from "node:path";
import type { Context, Hono } from "hono";
import { compress } from "hono/compress";
import { packageFile } from "#platform";
import type { ServerEnv } from "../context.js";
import type { PageFiles } from "../http/parts.js";
import { ServerError } from "../server-error.js";

/** The files of the app: of a folder with its build, or else (true) of this package; none for false. */
export function pageFiles(folder: string | boolean): PageFiles | undefined {
  if (folder === false) return undefined;
  return { page: folder === true ? packageFile("web/dist") : resolve(folder), configs: packageFile("configs") };
}

/**
 * What the page may do: run its own files alone, show images that it made, and read models from other servers. The same as in
 * `web/plugins/content-security-policy.ts`, and what only a header can say.
 */
const POLICY = [
  "default-src 'self'",
  "img-src 'self' blob: data:",
  "connect-src 'self' https: http://localhost:*",
  "worker-src 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".webmanifest": "application/manifest+json",
};

/** Files whose names change with their content. */
const IMMUTABLE = "public, max-age=31536000, immutable";
/** Others are asked for each time, and sent if they have changed. */
const REVALIDATED = "no-cache";

/** Where the page finds this server and the load configs, as URLs from the page: it may stand below any path. */
const PLACES: Readonly<Record<string, string>> = { "dalle2-server": "api/", "dalle2-configs": "configs/" };

/** Adds the files of the app. They are for everyone: keys are asked for by the API. */
export function addPage(app: Hono<ServerEnv>, { page, configs }: PageFiles): void {
  app.use("/assets/*", compress());
  app.get("/", (c) => answerPage(c, join(page, "index.html")));
  app.get("/index.html", (c) => answerPage(c, join(page, "index.html")));
  app.get("/configs/*", (c) => answerFile(c, configs, pathOf(c).slice("/configs/".length), REVALIDATED));
  app.get("/assets/*", (c) => answerFile(c, page, pathOf(c).slice(1), IMMUTABLE));
  // Icons, the manifest and the service worker lie beside the page.
  app.get("/:file{[\\w.-]+\\.(?:js|svg|png|webmanifest)}", (c) => answerFile(c, page, pathOf(c).slice(1), REVALIDATED));
}

function pathOf(c: Context<ServerEnv>): string {
  try {
    return decodeURIComponent(c.req.path);
  } catch (cause) {
    throw missing(c, cause);
  }
}

async function answerPage(c: Context<ServerEnv>, path: string): Promise<Response> {
  const html = await readFile(path, "utf8").catch((cause: unknown) => {
    const message = "The app is not built here, so this server has no page: npm run web:package. Its API is at /v1.";
    throw new ServerError("not-found", message, { cause });
  });
  const bytes = new TextEncoder().encode(withPlaces(html));
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).subarray(0, 12);
  return answer(c, bytes, {
    type: TYPES[".html"]!,
    tag: Buffer.from(hash).toString("base64url"),
    caching: REVALIDATED,
  });
}

/** Tells the page where it is served from. */
function withPlaces(html: string): string {
  const bare = html.replace(/<meta name="dalle2-(?:server|configs)"[^>]*>\s*/g, "");
  const tags = Object.entries(PLACES).map(([name, content]) => `<meta name="${name}" content="${content}">`);
  return bare.replace(/<head>/, `<head>\n    ${tags.join("\n    ")}`);
}

async function answerFile(c: Context<ServerEnv>, folder: string, name: string, caching: string): Promise<Response> {
  const path = normalize(join(folder, name));
  if (!path.startsWith(folder + sep) || name.includes("\0")) throw missing(c);
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile() !== true) throw missing(c);
  const bytes = await readFile(path);
  const type = TYPES[extname(path)] ?? "application/octet-stream";
  return answer(c, bytes, { type, tag: `${found.size.toString(36)}-${found.mtimeMs.toString(36)}`, caching });
}

interface FileFacts {
  readonly type: string;
  /** Changes with the content. */
  readonly tag: string;
  readonly caching: string;
}

function answer(c: Context<ServerEnv>, bytes: Uint8Array<ArrayBuffer>, { type, tag, caching }: FileFacts): Response {
  const headers = {
    "Cache-Control": caching,
    "Content-Security-Policy": POLICY,
    // Weak: it may be sent compressed.
    ETag: `W/"${tag}"`,
  };
  if (c.req.header("if-none-match")?.includes(tag) === true) return c.body(null, 304, headers);
  return c.body(bytes, 200, { ...headers, "Content-Type": type });
}

function missing(c: Context<ServerEnv>, cause?: unknown): ServerError {
  return new ServerError("not-found", `There is nothing at ${c.req.path.slice(0, 200)}.`, { cause });
}
