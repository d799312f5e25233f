import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ImageReport } from "../../src/cli/generating/image-output.js";
import { dalle2Beside, readImage } from "../support/cli.js";
import { largestDifference } from "../support/image-files.js";
import { isRight, judge } from "../support/shapes-measure.js";
import { browsers } from "./browsers.js";
import { chromiumPath, swiftShaderOf } from "./chromium.js";
import { openTests, type OpenTests } from "./open-tests.js";
import { STEPS } from "./few-steps.js";
import type { BrowserTests, Drawn } from "./page.js";

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

/** Draws the prompt in Node over the SwiftShader of Chromium. */
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

describe.each(Object.values(browsers))("in $name", (known) => {
  describe.skipIf(known.isMissing)("the Shapes model", () => {
    let open: OpenTests;
    let first: Drawn;

    beforeAll(async () => {
      open = await openTests(known);
      await open.page.evaluate((config) => tests.openShapes(config), `${open.url}configs/shapes.json`);
    });

    afterAll(() => open.close());

    it("draws a text", async () => {
      first = await open.page.evaluate(([text, from]) => tests.draw(text, from), [prompt, seed] as const);
      expect(flaw(prompt, first)).toBeUndefined();
    });

    it.runIf(known === browsers.chromium)("draws what Node draws over the same driver", async () => {
      expect(largestDifference(Uint8Array.from(first.data), await drawInNode())).toBeLessThanOrEqual(1);
    });

    it("draws variations", async () => {
      const image = `${open.url}images/red-circle.png`;
      const drawn = await open.page.evaluate((url) => tests.vary(url, "a red circle", 7), image);
      expect(flaw(prompt, drawn)).toBeUndefined();
    });

    it("draws what a mask leaves free, and keeps the rest", async () => {
      const text = "a red circle to the left of a blue square on a white background";
      const urls = ["red-circle", "keep-left"].map((name) => `${open.url}images/${name}.png`);
      const { before, after } = await open.page.evaluate(
        ([image, mask, wanted]) => tests.inpaint(image!, mask!, wanted!, 3),
        [...urls, text],
      );
      expect(flaw(text, after)).toBeUndefined();
      const kept = ({ data }: Drawn) => data.filter((_, i) => Math.floor(i / 3) % 64 < 36);
      expect(kept(after)).toEqual(kept(before));
    });

    it("enlarges an image", async () => {
      const image = `${open.url}images/red-circle.png`;
      const drawn = await open.page.evaluate((url) => tests.enlarge(url, "a red circle", 1), image);
      expect(flaw("a red circle on the left on a white background", drawn)).toBeUndefined();
    });

    it("stops within a step when it is aborted", async () => {
      expect(await open.page.evaluate((steps) => tests.abort(steps), 2)).toEqual({ message: "enough", steps: 2 });
    });

    it("says that the device was lost, and draws again on a new one", async () => {
      expect(await open.page.evaluate(() => tests.loseDevice(), undefined)).toBe("gpu/device-lost");
      await open.page.evaluate((config) => tests.openShapes(config), `${open.url}configs/shapes.json`);
      const again = await open.page.evaluate(([text, from]) => tests.draw(text, from), [prompt, seed] as const);
      expect(again.data).toEqual(first.data);
    });

    it("has no errors in the console", () => {
      expect(open.page.errors).toEqual([]);
    });
  });
});
