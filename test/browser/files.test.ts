import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import type * as Api from "../../src/index.js";
import { FaultServer, stallAfter } from "../support/fault-server.js";
import { inEachBrowser } from "./browsers.js";
import { openTestPage, openTests, type OpenTests } from "./open-tests.js";
import type { TestPage } from "./test-browser.js";

declare global {
  // page.ts sets this in the browser.
  var api: typeof Api;
}

const content = Uint8Array.from({ length: 1_000_003 }, (_, i) => (i * 31) % 251);
const sha256 = createHash("sha256").update(content).digest("hex");

inEachBrowser("downloads", (known) => {
  let tests: OpenTests;
  let server: FaultServer;
  let page: TestPage;
  let otherTab: TestPage;

  beforeAll(async () => {
    [tests, server] = await Promise.all([openTests(known), FaultServer.start()]);
    page = tests.page;
    otherTab = await tests.browser.newPage();
    await openTestPage(otherTab, tests.url);
  });

  afterAll(async () => {
    await tests.close();
    await server.close();
  });

  /** Opens a file in the page, from another origin. Returns the SHA-256 of its content, and the warnings. */
  function open(file: { path: string; sha256?: string }, tab = page) {
    const remote = { url: server.url(file.path), filename: "model.pth", folder: "models", ...file };
    return tab.evaluate(async (remote) => {
      const warnings: string[] = [];
      const patience = { attempts: 1, stall: 1000 };
      const onWarning = (message: string) => warnings.push(message);
      const source = await api.openRemote(remote, { patience, onWarning });
      const digest = await crypto.subtle.digest("SHA-256", await source.read(0, source.size));
      await source.close();
      return {
        sha256: [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join(""),
        warnings,
      };
    }, remote);
  }

  it("continue after a break, are kept in the private file system, updated, listed and cleared", async () => {
    server.files.set("/model.pth", { content, etag: '"1"' });
    server.spoil(stallAfter(600_000));
    await expect(open({ path: "/model.pth" })).rejects.toThrow("nothing came from the server for 1 s");
    const [part] = await page.evaluate(() => api.listCache("models"), undefined);
    expect(part).toMatchObject({ isComplete: false, totalBytes: content.length, url: server.url("/model.pth") });
    expect(part!.bytes).toBeGreaterThan(0);

    expect(await open({ path: "/model.pth" })).toEqual({ sha256, warnings: [] });
    expect(server.transfers("/model.pth").at(-1)!.range).toBe(`bytes=${part!.bytes}-`);
    server.requests.length = 0;
    expect(await open({ path: "/model.pth" })).toEqual({ sha256, warnings: [] });
    expect(server.transfers("/model.pth")).toEqual([]);

    const newer = content.slice(5);
    server.files.set("/model.pth", { content: newer, etag: '"2"' });
    const update = await open({ path: "/model.pth" });
    expect(update.sha256).toBe(createHash("sha256").update(newer).digest("hex"));
    expect(update.warnings).toEqual([expect.stringContaining("the server has a newer version")]);

    const cleared = await page.evaluate(() => api.clearCache("models"), undefined);
    expect(cleared.map(({ name, bytes, isComplete }) => [name, bytes, isComplete])).toEqual([
      ["model.pth", newer.length, true],
    ]);
    expect(await page.evaluate(() => api.listCache("models"), undefined)).toEqual([]);
  });

  it("are fetched once by two tabs, and rejected if their checksum is wrong", async () => {
    server.files.set("/shared.pth", { content, etag: '"1"' });
    server.requests.length = 0;
    const shared = { path: "/shared.pth", sha256 };
    expect(await Promise.all([open(shared), open(shared, otherTab)])).toEqual(Array(2).fill({ sha256, warnings: [] }));
    expect(server.transfers("/shared.pth")).toHaveLength(1);
    const wrong = "0".repeat(64);
    await expect(open({ path: "/shared.pth", sha256: wrong })).rejects.toThrow(
      `its SHA-256 is ${sha256}, not ${wrong}`,
    );
    expect(await open(shared)).toEqual({ sha256, warnings: [] });
  });
});
