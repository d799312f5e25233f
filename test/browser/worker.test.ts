import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chromiumPath, launchChromium } from "./chromium.js";
import { bundleForBrowser } from "./page-server.js";
import type { WorkerPageTests } from "./worker-page.js";

declare global {
  // worker-page.ts sets this in the browser.
  var workerTests: WorkerPageTests;
}

const root = fileURLToPath(new URL("../..", import.meta.url));

/** The page's script and the worker, as bundles, by their paths. */
async function bundles(): Promise<ReadonlyMap<string, string>> {
  const entries = { "/scripts/page.js": "test/browser/worker-page.ts", "/browser-worker.js": "test/browser/worker.ts" };
  const built = Object.entries(entries).map(async ([path, entry]) => {
    const { outputFiles } = await bundleForBrowser(entry);
    return [path, outputFiles[0]!.text] as const;
  });
  return new Map(await Promise.all(built));
}

/**
 * Serves the scripts and configs to all origins, and a page at `/` with a strict Content-Security-Policy, whose scripts and
 * files are from `origin`. `workers` is its `worker-src`.
 */
async function serve(
  scripts: ReadonlyMap<string, string>,
  { origin = "", workers = "'self'" } = {},
): Promise<{ readonly url: string; readonly server: Server }> {
  const policy = `default-src 'none'; script-src 'self' ${origin}; connect-src 'self' ${origin}; worker-src ${workers}`;
  const html = `<!doctype html><title>test</title><script type="module" src="${origin}/scripts/page.js"></script>`;
  const server = createServer((request, response) => {
    const path = request.url ?? "/";
    response.setHeader("access-control-allow-origin", "*");
    response.setHeader("content-security-policy", policy);
    const script = scripts.get(path);
    if (path === "/") response.setHeader("content-type", "text/html").end(html);
    else if (script !== undefined) response.setHeader("content-type", "text/javascript").end(script);
    else if (!path.startsWith("/configs/")) response.writeHead(404).end();
    else
      void readFile(join(root, path)).then((bytes) => {
        const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? [];
        if (first === undefined) response.end(bytes);
        else {
          response.writeHead(206, { "content-range": `bytes ${first}-${last}/${bytes.length}` });
          response.end(bytes.subarray(Number(first), Number(last) + 1));
        }
      });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

/** Milliseconds from which on a task is long. */
const LONG = 50;

/** Starts to measure the processor time that scripts of a page take on its thread, in milliseconds. */
async function measureScripts(page: Page): Promise<() => Promise<number>> {
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  const read = async (): Promise<number> => {
    const { metrics } = await session.send("Performance.getMetrics");
    return metrics.find(({ name }) => name === "ScriptDuration")!.value * 1000;
  };
  const start = await read();
  return async () => (await read()) - start;
}

// Skipped if there is no browser, unless REQUIRE_BROWSER is set.
describe.skipIf(!chromiumPath && !process.env.REQUIRE_BROWSER)("a worker in Chromium", () => {
  let scripts: ReadonlyMap<string, string>;
  let browser: Browser;
  const servers: Server[] = [];

  beforeAll(async () => {
    if (!chromiumPath) throw new Error("No Chromium found: install the package chromium or set CHROMIUM.");
    scripts = await bundles();
    browser = await launchChromium(chromiumPath);
  });

  afterAll(async () => {
    await browser.close();
    for (const server of servers) server.close();
  });

  async function openPage(options: Parameters<typeof serve>[1] = {}) {
    const { url, server } = await serve(scripts, options);
    servers.push(server);
    const page = await browser.newPage();
    const refused: string[] = [];
    page.on("console", (message) => {
      if (message.type() === "error") refused.push(message.text());
    });
    await page.goto(url);
    await page.waitForFunction(() => "workerTests" in globalThis);
    return { page, url, refused };
  }

  /** Runs the tests of a fresh page. */
  async function run() {
    const { page } = await openPage();
    const processorTime = await measureScripts(page);
    const result = await page.evaluate(() => workerTests.run());
    // On a busy machine a task takes long because it waits for a core. All scripts together take some 45 ms of processor time.
    return { result, longTasks: (await processorTime()) > LONG ? result.longTasks : [] };
  }

  it("generates, aborts, says errors and crashes, is started again, and leaves the page free", async () => {
    const { result, longTasks } = await run();
    expect(result).toMatchObject({ isRead: true, live: 0, size: [64, 64, 64 * 64 * 3] });
    expect(result.previews).toEqual([32, 32, 64]);
    expect(result.files.length).toBeGreaterThan(0);
    expect(result.errors).toEqual({
      aborted: { code: "worker/crashed", message: "aborted by the page", classes: ["WorkerError"] },
      argument: expect.objectContaining({ code: "argument/invalid", classes: ["ArgumentError"] }) as unknown,
      file: expect.objectContaining({ code: "file/not-found", classes: ["FileError"] }) as unknown,
      thrown: expect.objectContaining({ code: "worker/crashed", classes: ["WorkerError"] }) as unknown,
      closed: expect.objectContaining({ code: "worker/crashed", classes: ["WorkerError"] }) as unknown,
    });
    expect(result.errors.thrown.message).toContain("thrown in the worker");
    expect(result.errors.closed.message).toContain("it was terminated, or ran out of memory");
    // Whether the browser promises to keep downloads is its own affair.
    expect(result.warnings.filter((one) => one.startsWith("The worker"))).toEqual([
      expect.stringContaining("thrown in the worker"),
      expect.stringContaining("or ran out of memory. It is started again"),
    ]);
    // One that is long by itself is so in each run.
    if (longTasks.length > 0) expect((await run()).longTasks).toEqual([]);
  });

  it("is started from another origin, and is refused by a policy that does not allow it", async () => {
    const { url: origin } = await openPage();
    const { page: allowed } = await openPage({ origin, workers: `blob: ${origin}` });
    expect(await allowed.evaluate(() => workerTests.start())).toEqual([]);
    const { page: forbidden, refused } = await openPage({ origin, workers: "'self'" });
    expect(await forbidden.evaluate(() => workerTests.start())).toMatchObject({
      name: "WorkerError",
      code: "worker/not-started",
      advice: expect.stringContaining("worker-src") as string,
    });
    expect(refused.join()).toContain("Content Security Policy");
  });
});
