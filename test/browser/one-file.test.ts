// dist/browser.js of the last build in a page without a bundler, under a strict Content-Security-Policy.
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type * as Api from "../../src/index.js";
import { chromiumPath, launchChromium } from "./chromium.js";

declare global {
  // page.ts sets this in the browser.
  var api: typeof Api;
}

const root = fileURLToPath(new URL("../..", import.meta.url));
const POLICY = "default-src 'none'; script-src 'self'; connect-src 'self'";
const PAGES: Readonly<Record<string, readonly [type: string, text: string]>> = {
  "/": ["text/html", `<!doctype html><title>test</title><script type="module" src="/page.js"></script>`],
  "/page.js": ["text/javascript", `import * as api from "/dist/browser.js"; globalThis.api = api;`],
  "/favicon.ico": ["image/x-icon", ""],
};

describe.skipIf(!chromiumPath && !process.env.REQUIRE_BROWSER)("dist/browser.js in Chromium", () => {
  let browser: Browser;
  let server: Server;
  const requests: string[] = [];

  beforeAll(async () => {
    if (!chromiumPath) throw new Error("No Chromium found: install the package chromium or set CHROMIUM.");
    server = createServer(({ url = "/", headers }, response) => {
      requests.push(url);
      response.setHeader("content-security-policy", POLICY);
      const [type, text] = PAGES[url] ?? ["text/javascript", undefined];
      response.setHeader("content-type", type);
      const bytes = text === undefined ? readFileSync(join(root, url)) : Buffer.from(text);
      const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? "") ?? [];
      if (first === undefined) {
        response.end(bytes);
        return;
      }
      const end = Math.min(Number(last) + 1, bytes.length);
      response.writeHead(206, { "content-range": `bytes ${first}-${end - 1}/${bytes.length}` });
      response.end(bytes.subarray(Number(first), end));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    browser = await launchChromium(chromiumPath);
  });

  afterAll(async () => {
    await browser.close();
    server.close();
  });

  it("embeds a text, in few requests and without complaints", async () => {
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => {
      // The browser may say of the storage that it does not promise to keep it.
      if (message.type() === "error") complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    await page.waitForFunction(() => "api" in globalThis);
    const values = await page.evaluate(async () => {
      const manager = await api.DalleModelManager.create(await api.ModelLoadConfig.named("shapes"));
      const [embedding] = await new api.Embed(manager).texts(["a red circle"]);
      return embedding?.data.length;
    });
    expect(values).toBeGreaterThan(8);
    expect(complaints).toEqual([]);
    expect(requests.filter((url) => url.startsWith("/configs/")).length).toBeLessThanOrEqual(10);
    expect(requests.filter((url) => url.endsWith(".js"))).toEqual([
      "/page.js",
      "/dist/browser.js",
      "/dist/tokenizer/vocabulary.js",
    ]);
  });
});
