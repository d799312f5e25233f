import type { Server } from "node:http";
import { builtinModules } from "node:module";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chromiumPath, launchChromium } from "./chromium.js";
import { bundleForBrowser, servePage } from "./page-server.js";
import type { BrowserTests } from "./page.js";

declare global {
  // page.ts sets this in the browser.
  var tests: BrowserTests;
}

const bundle = await bundleForBrowser("test/browser/page.ts");

it("bundles without modules of Node and packages for Node", () => {
  const inputs = Object.entries(bundle.metafile.inputs);
  const imports = inputs.flatMap(([, { imports }]) => imports.map(({ path }) => path));
  expect(imports.filter((path) => path.startsWith("node:") || builtinModules.includes(path))).toEqual([]);
  const names = inputs.map(([path]) => path);
  expect(names).toContain("src/platform/browser-gpu.ts");
  expect(
    names.filter((path) => /node_modules\/(webgpu|sharp|commander)\/|src\/(platform\/node|cli\/)/.test(path)),
  ).toEqual([]);
});

// The rest is skipped if there is no browser, unless REQUIRE_BROWSER is set.
describe.skipIf(!chromiumPath && !process.env.REQUIRE_BROWSER)("in Chromium over SwiftShader", () => {
  let browser: Browser;
  let server: Server;
  let url: string;
  let page: Page;

  beforeAll(async () => {
    if (!chromiumPath) throw new Error("No Chromium found: install the package chromium or set CHROMIUM.");
    ({ url, server } = await servePage(bundle.outputFiles[0]!.text));
    browser = await launchChromium(chromiumPath);
    page = await browser.newPage();
    await page.goto(url);
    await page.waitForFunction(() => "tests" in globalThis);
  });

  afterAll(async () => {
    await browser.close();
    server.close();
  });

  it("opens an adapter and computes the same as the CPU", async () => {
    const { adapter, results } = await page.evaluate(() => tests.runSelfTest());
    expect(adapter.isSoftware).toBe(true);
    expect(results.map(({ kernel }) => kernel)).toEqual(expect.arrayContaining(["matmul", "conv2d", "attention"]));
    expect(results.filter(({ pass }) => !pass)).toEqual([]);
  });

  it.each(["clip-openai-vit", "unet-base"])("computes the same as the reference: %s", async (fixture) => {
    const result = await page.evaluate((folder) => tests.verify(folder), `${url}fixtures/${fixture}`);
    expect(result).toMatchObject({ name: fixture, pass: true });
  });
});
