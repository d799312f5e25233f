import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import lighthouse, { desktopConfig } from "lighthouse";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { browsers } from "../browser/browsers.js";
import { chromiumPath, launchChromium } from "../browser/chromium.js";
import { serveApp, type ServedApp } from "./support/app-server.js";

describe.skipIf(browsers.chromium.isMissing)("lighthouse", { timeout: 120_000 }, () => {
  let served: ServedApp;
  beforeAll(async () => {
    served = await serveApp();
  });
  afterAll(() => served.close());

  it.each(["phone", "desktop"] as const)("finds nothing to better on a %s, and nothing moves", async (screen) => {
    const port = await freePort();
    const browser = await launchChromium(chromiumPath!, [`--remote-debugging-port=${port}`]);
    try {
      const flags = {
        port,
        onlyCategories: ["accessibility", "best-practices"],
        onlyAudits: ["cumulative-layout-shift"],
      };
      const result = await lighthouse(served.url, flags, screen === "desktop" ? desktopConfig : undefined);
      const { categories, audits } = result!.lhr;
      // Those of both categories.
      expect(Object.keys(audits).length).toBeGreaterThan(70);
      const failed = Object.values(audits).filter(({ score }) => score !== null && score < 1);
      expect(failed.map(({ id, displayValue }) => [id, displayValue])).toEqual([]);
      expect(Object.values(categories).map(({ id, score }) => [id, score])).toEqual([
        ["accessibility", 1],
        ["best-practices", 1],
      ]);
    } finally {
      await browser.close();
    }
  });
});

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
