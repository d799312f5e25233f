import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ImageReport } from "../../src/cli/generating/image-output.js";
import { dalle2Beside, readImage } from "../support/cli.js";
import { largestDifference } from "../support/image-files.js";
import { isRight, judge } from "../support/shapes-measure.js";
import { browsers, inEachBrowser } from "./browsers.js";
import { chromiumPath, swiftShaderOf } from "./chromium.js";
import { startModelHost, type ModelHost } from "./model-host.js";
import { openTestPage, openTests, type OpenTests } from "./open-tests.js";
import { STEPS } from "./few-steps.js";
import type { BrowserTests, Drawn } from "./page.js";
import type { TestPage } from "./test-browser.js";

declare global {
  // page.ts sets this in the browser.
  var tests: BrowserTests;
}

const prompt = "a red circle on a white background";
const seed = 1;

/** What is wrong with an image; undefined if it shows its prompt. */
function flaw(text: string, { width, height, data }: Drawn): string | undefined {
  expect([width, height]).toEqual([64, 64]);
  const judgement = judge(text, width, data);
  return isRight(judgement) ? undefined : JSON.stringify(judgement);
}

/** Generates the image of the prompt in Node over the SwiftShader of Chromium. */
async function drawInNode(): Promise<Uint8Array> {
  const folder = mkdtempSync(join(tmpdir(), "dalle2-drawn-"));
  try {
    const settings = [
      "--seed",
      `${seed}`,
      "--prior-steps",
      `${STEPS.priorSteps}`,
      "--steps",
      STEPS.decoderSteps.join(),
    ];
    const { status, stdout, stderr } = await dalle2Beside(["dream", prompt, ...settings, "-o", folder, "--json"], {
      env: swiftShaderOf(chromiumPath!),
    });
    expect(status, stderr).toBe(0);
    return (await readImage((JSON.parse(stdout) as ImageReport[])[0]!.file)).data;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

inEachBrowser("the Shapes model", (known) => {
  let open: OpenTests;
  let page: TestPage;
  let host: ModelHost;
  let first: Drawn;

  const openShapes = (where: "page" | "worker") =>
    page.evaluate(([config, place]) => tests.openShapes(config, place), [host.config, where] as const);
  const draw = () => page.evaluate(([text, from]) => tests.draw(text, from), [prompt, seed] as const);

  beforeAll(async () => {
    [open, host] = await Promise.all([openTests(known), startModelHost()]);
    page = open.page;
  });

  afterAll(async () => {
    await open.close();
    await host.server.close();
  });

  describe("in the page", () => {
    it("generates an image of a text", async () => {
      await openShapes("page");
      first = await draw();
      expect(flaw(prompt, first)).toBeUndefined();
    });

    it.runIf(known === browsers.chromium)("generates what Node generates over the same driver", async () => {
      expect(largestDifference(Uint8Array.from(first.data), await drawInNode())).toBeLessThanOrEqual(1);
    });

    it("stops within a step when it is aborted", async () => {
      expect(await page.evaluate((steps) => tests.abort(steps), 2)).toEqual({ message: "enough", steps: 2 });
    });

    it("says that the device was lost", async () => {
      const destroy = () => page.evaluate(() => tests.destroyDevice(), undefined);
      await (open.browser.crashGpu ?? destroy)();
      expect(await page.evaluate(() => tests.failToDraw(), undefined)).toBe("gpu/device-lost");
    });
  });

  describe("in a worker, after a reload and without network", () => {
    beforeAll(async () => {
      await openTestPage(page, open.url);
      const names = ["red-circle", "keep-left"];
      const urls = Object.fromEntries(names.map((name) => [name, `${open.url}images/${name}.png`]));
      await page.evaluate((all) => tests.fetchImages(all), urls);
      await page.evaluate(() => tests.startWorker(), undefined);
      await page.setOffline(true);
      host.server.requests.length = 0;
    });

    it("generates the same image, with the files that were kept", async () => {
      await openShapes("worker");
      expect((await draw()).data).toEqual(first.data);
      expect(host.server.requests).toEqual([]);
    });

    it("generates variations", async () => {
      const drawn = await page.evaluate(() => tests.vary("red-circle", "a red circle", 7), undefined);
      expect(flaw(prompt, drawn)).toBeUndefined();
    });

    it("generates what a mask leaves free, and keeps the rest", async () => {
      const text = "a red circle to the left of a blue square on a white background";
      const { before, after } = await page.evaluate((wanted) => {
        return tests.inpaint("red-circle", "keep-left", wanted, 3);
      }, text);
      expect(flaw(text, after)).toBeUndefined();
      const kept = ({ data }: Drawn) => data.filter((_, i) => Math.floor(i / 3) % 64 < 36);
      expect(kept(after)).toEqual(kept(before));
    });

    it("upscales an image", async () => {
      const drawn = await page.evaluate(() => tests.enlarge("red-circle", "a red circle", 1), undefined);
      expect(flaw("a red circle on the left on a white background", drawn)).toBeUndefined();
    });

    it("stops within a step when it is aborted", async () => {
      const { message, steps } = await page.evaluate((stop) => tests.abort(stop), 2);
      expect(message).toBe("enough");
      // The worker may report a step more before it hears of the abort.
      expect(steps).toBeLessThanOrEqual(3);
    });
  });

  it("has no errors in the console", () => {
    expect(page.errors).toEqual([]);
  });
});
