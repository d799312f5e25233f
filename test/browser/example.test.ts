// The example for pages, as a user runs it: with the packed package, built and served by Vite.
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build, createServer, preview } from "vite";
import { afterAll, beforeAll, expect, it } from "vitest";
import { installPacked } from "../support/runtimes.js";
import { isRight, judge } from "../support/shapes-measure.js";
import { browsers, inEachBrowser } from "./browsers.js";
import type { TestBrowser } from "./test-browser.js";

inEachBrowser("the example for pages", (known) => {
  const root = mkdtempSync(join(tmpdir(), "dalle2-example-"));
  let browser: TestBrowser;

  beforeAll(async () => {
    installPacked(root);
    cpSync("examples/browser", root, { recursive: true });
    browser = await known.launch();
  });

  afterAll(async () => {
    await browser.close();
    rmSync(root, { recursive: true });
  });

  it.runIf(known === browsers.chromium)("generates an image, when it is built", async () => {
    await build({ root, logLevel: "error" });
    const server = await preview({ root, logLevel: "error", preview: { port: 0 } });
    const page = await browser.newPage();
    await page.open(server.resolvedUrls!.local[0]!);
    await page.waitFor(() => !document.querySelector("button")!.disabled);
    await page.evaluate(() => {
      document.querySelector("select")!.value = "few";
      document.querySelector("form")!.requestSubmit();
    }, undefined);
    await page.waitFor(() => document.querySelector("[role=status]")!.textContent === "Generated with seed 1.");
    const data = await page.evaluate(() => {
      const canvas = document.querySelector("canvas")!;
      const pixels = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height).data;
      return [...pixels].filter((_, i) => i % 4 < 3);
    }, undefined);
    const judgement = judge("a red circle on a white background", 64, data);
    expect(isRight(judgement), JSON.stringify(judgement)).toBe(true);
    expect(page.errors).toEqual([]);
    await server.close();
  });

  it.runIf(known === browsers.firefox)("starts its worker on the development server", async () => {
    const server = await createServer({ root, logLevel: "error", server: { port: 0, fs: { strict: false } } });
    await server.listen();
    const page = await browser.newPage();
    await page.open(server.resolvedUrls!.local[0]!);
    await page.waitFor(() => /^Loading|^No GPU|^Ready/.test(document.querySelector("[role=status]")!.textContent));
    expect(page.errors).toEqual([]);
    await server.close();
  });
});
