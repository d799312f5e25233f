import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { browsers } from "../browser/browsers.js";
import type { TestBrowser, TestPage } from "../browser/test-browser.js";
import { isRight, judge } from "../support/shapes-measure.js";
import { linkWith, type ShownPixels } from "./support/app-page.js";
import { serveApp, type ServedApp } from "./support/app-server.js";

const PROMPT = "a red circle on a white background";

describe.skipIf(browsers.firefox.isMissing)("the main way in Firefox", { timeout: 300_000 }, () => {
  let served: ServedApp;
  let browser: TestBrowser;
  let page: TestPage;

  beforeAll(async () => {
    [served, browser] = await Promise.all([serveApp(), browsers.firefox.launch()]);
    page = await browser.newPage();
  });
  afterAll(async () => {
    await browser.close();
    await served.close();
  });

  /** Presses a button by its name, once it can be pressed. */
  async function press(name: string): Promise<void> {
    await page.evaluate(async (wanted) => {
      const find = (): HTMLButtonElement | undefined =>
        [...document.querySelectorAll("button")].find((button) => {
          const label = button.ariaLabel ?? button.innerText;
          return label.startsWith(wanted) && !button.disabled && button.ariaDisabled !== "true";
        });
      for (let tries = 0; !find() && tries < 200; tries++) await new Promise((resolve) => setTimeout(resolve, 100));
      // A click right after a button has changed does nothing.
      await new Promise((resolve) => setTimeout(resolve, 400));
      find()!.click();
    }, name);
  }

  /** Waits for an image on the stage whose text begins as it is said, and returns its pixels. */
  async function stageImage(text: string): Promise<ShownPixels> {
    return page.evaluate(async (wanted) => {
      const find = (): HTMLImageElement | undefined =>
        [...document.querySelectorAll<HTMLImageElement>('[aria-label="Stage"] img')].find(({ alt }) =>
          alt.startsWith(wanted),
        );
      while (!find()) await new Promise((resolve) => setTimeout(resolve, 100));
      const image = find()!;
      await image.decode();
      const { naturalWidth: width, naturalHeight: height } = image;
      const context = new OffscreenCanvas(width, height).getContext("2d")!;
      context.drawImage(image, 0, 0);
      const { data } = context.getImageData(0, 0, width, height);
      return { width, height, data: [...data].filter((_, i) => i % 4 < 3) };
    }, text);
  }

  it("generates an image, a variation of it, and keeps both over a reload", async () => {
    await page.open(served.url + linkWith({ task: "create", prompt: PROMPT, "prior.steps": 8, "unet1.steps": 12 }));
    await press("Generate");
    const image = await stageImage(PROMPT);
    const judgement = judge(PROMPT, image.width, image.data);
    expect(isRight(judgement), JSON.stringify(judgement)).toBe(true);
    await press("Generate variations");
    await press("Generate");
    expect((await stageImage("Variation")).data).not.toEqual(image.data);
    await page.open(`${served.url}?again`);
    await page.waitFor(() => document.querySelectorAll('nav[aria-label="Images"] button img').length === 2);
    expect(page.errors).toEqual([]);
  });
});
