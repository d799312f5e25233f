import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { builtinModules } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { VerifyResult } from "../../src/fixture/result.js";
import { dalle2Beside } from "../support/cli.js";
import { browsers, inEachBrowser } from "./browsers.js";
import { chromiumPath, swiftShaderOf } from "./chromium.js";
import { openTests, type OpenTests } from "./open-tests.js";
import { bundleForBrowser } from "./page-server.js";
import type { BrowserTests } from "./page.js";

declare global {
  // page.ts sets this in the browser.
  var tests: BrowserTests;
}

it("bundles without modules of Node and packages for Node", async () => {
  const bundle = await bundleForBrowser("test/browser/page.ts");
  const inputs = Object.entries(bundle.metafile.inputs);
  const imports = inputs.flatMap(([, { imports }]) => imports.map(({ path }) => path));
  expect(imports.filter((path) => path.startsWith("node:") || builtinModules.includes(path))).toEqual([]);
  const names = inputs.map(([path]) => path);
  expect(names).toContain("src/platform/browser-gpu.ts");
  expect(
    names.filter((path) => /node_modules\/(webgpu|sharp|commander)\/|src\/(platform\/node|cli\/)/.test(path)),
  ).toEqual([]);
});

/** Fixtures of both families: encoders, sampling loops, U-Nets. */
const fixtures = [
  "clip-openai-vit",
  "prior-sample-ddim",
  "unet-base",
  "karlo-text-encoder",
  "karlo-prior-sample",
  "karlo-decoder-unet",
];

/** Runs the fixtures in Node over the SwiftShader of Chromium. */
async function verifyInNode(): Promise<VerifyResult[]> {
  const folder = mkdtempSync(join(tmpdir(), "dalle2-fixtures-"));
  try {
    for (const name of fixtures) symlinkSync(resolve("test/fixtures", name), join(folder, name));
    const { status, stdout, stderr } = await dalle2Beside(["verify", folder, "--json"], {
      env: swiftShaderOf(chromiumPath!),
    });
    expect(status, stderr).toBe(0);
    return JSON.parse(stdout) as VerifyResult[];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const byName = (a: VerifyResult, b: VerifyResult): number => (a.name < b.name ? -1 : 1);

inEachBrowser("a software adapter", (known) => {
  let open: OpenTests;

  beforeAll(async () => {
    open = await openTests(known);
  });

  afterAll(() => open.close());

  it("opens an adapter, knows its tuning table, and computes the same as the CPU", async () => {
    const { adapter, tuning, results } = await open.page.evaluate(() => tests.runSelfTest(), undefined);
    expect(adapter.isSoftware).toBe(true);
    expect(tuning).toBe(known === browsers.chromium ? "swiftshader-2" : "lavapipe-2");
    expect(results.map(({ kernel }) => kernel)).toEqual(expect.arrayContaining(["matmul", "conv2d", "attention"]));
    expect(results.filter(({ pass }) => !pass)).toEqual([]);
  });

  it("computes the same as the reference, and over the same driver the same as Node", async () => {
    const folders = fixtures.map((name) => `${open.url}fixtures/${name}`);
    const inNode = known === browsers.chromium ? verifyInNode() : undefined;
    const results = await open.page.evaluate((all) => tests.verify(all), folders);
    expect(results.map(({ name }) => name)).toEqual(fixtures);
    expect(results.filter(({ pass }) => !pass)).toEqual([]);
    // Errors of the same numbers are equal in every digit.
    if (inNode) expect(results.sort(byName)).toEqual((await inNode).sort(byName));
  });

  it("has no errors in the console", () => {
    expect(open.page.errors).toEqual([]);
  });
});
