import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { browsers } from "../browser/browsers.js";
import { isRight, judge } from "../support/shapes-measure.js";
import { AppPage, linkWith, type ShownPixels } from "./support/app-page.js";
import type { ServedApp } from "./support/app-server.js";
import { ENGINES, openAppOn, type OpenApp, type Visit } from "./support/open-app.js";

const RED_CIRCLE = "a red circle on a white background";

function expectShape(prompt: string, { width, data }: ShownPixels): void {
  const judgement = judge(prompt, width, data);
  expect(isRight(judgement), JSON.stringify(judgement)).toBe(true);
}

/** What the browser says in the console of each request without a network. */
const NO_NETWORK = "ERR_INTERNET_DISCONNECTED";

describe.skipIf(browsers.chromium.isMissing).each(ENGINES)(
  "the app, by one person from the first visit on, computing on the %s",
  { timeout: 300_000 },
  (engine) => {
    let app: OpenApp<ServedApp>;
    let visit: Visit;
    let person: AppPage;
    let first: ShownPixels;

    beforeAll(async () => {
      app = await openAppOn(engine);
      visit = await app.visit();
      person = new AppPage(visit.page, engine);
    });
    afterAll(async () => {
      await app.close();
    });

    it("generates the image of the example by one click", async () => {
      await person.expectAccessible("the first visit");
      await person.screenshot("empty", "first visit");
      await person.generate();
      first = await person.stageImage(/red circle/);
      expectShape(RED_CIRCLE, first);
      await person.screenshot("full", "first image");
      await person.expectAccessible("an image");
    });

    it("generates several images of each of several prompts", async () => {
      await visit.page.goto(app.served.url + linkWith({ task: "create", count: 2 }));
      await visit.page.getByLabel("Prompt", { exact: true }).fill("a blue square\na green triangle");
      await visit.page.getByText("2 prompts × 2 images = 4").waitFor();
      await person.generate();
      await expect.poll(() => person.stageImages.count()).toBe(4);
      await person.screenshot("full", "four images");
      await person.expectAccessible("several images");
    });

    it("keeps images over a reload, and shows them in the history", async () => {
      await visit.page.reload();
      await person.openTab("History");
      const images = visit.page.getByRole("region", { name: "History" }).locator("img");
      await expect.poll(() => images.count()).toBe(5);
      await person.screenshot("full", "history");
      await person.expectAccessible("the history");
    });

    it("takes an image on to its variations", async () => {
      await person.openTab("Create");
      await person.tiles.last().click();
      expect((await person.stageImage(/red circle/)).data).toEqual(first.data);
      await person.act("Generate variations");
      await visit.page.getByRole("tab", { name: "Variations", selected: true }).waitFor();
      await person.generate();
      const variation = await person.stageImage(/^Variation/);
      await person.screenshot("full", "variation");
      expect([variation.width, variation.height]).toEqual([64, 64]);
      expect(variation.data).not.toEqual(first.data);
      await person.expectAccessible("variations");
    });

    it("enlarges an image", async () => {
      await visit.page.goto(app.served.url + linkWith({ task: "upscale" }));
      await visit.page.locator("input[type=file]").first().setInputFiles("examples/images/red-circle.png");
      await person.generate();
      expectShape(RED_CIRCLE, await person.stageImage(/^Upscaled image/));
      await person.expectAccessible("upscaling");
    });

    it("generates the images between two prompts", async () => {
      const prompts = "&prompt=a+red+circle&prompt=a+blue+square";
      await visit.page.goto(app.served.url + linkWith({ task: "interpolate", frames: 3 }) + prompts);
      await person.generate();
      await expect.poll(() => person.stageImages.count()).toBe(3);
      await person.screenshot("full", "interpolation");
    });

    it("changes an image by the difference of two texts", async () => {
      const prompts = "&prompt=a+red+circle&prompt=a+blue+circle";
      await visit.page.goto(app.served.url + linkWith({ task: "edit", strength: 0.9 }) + prompts);
      await visit.page.locator("input[type=file]").first().setInputFiles("examples/images/red-circle.png");
      await person.generate();
      expect((await person.stageImage(/^Edited image/)).width).toBe(64);
      await person.screenshot("full", "edit");
      await person.expectAccessible("an edit");
    });

    it("cancels a job, and keeps what was queued", async () => {
      await visit.page.goto(
        app.served.url + linkWith({ task: "create", prompt: RED_CIRCLE, "unet1.steps": 64, count: 4 }),
      );
      await person.generateButton.click();
      await visit.page.getByRole("button", { name: /^Queue/ }).click();
      await visit.page
        .getByText(/U-Net 1, step/)
        .first()
        .waitFor({ timeout: 240_000 });
      await person.screenshot("busy", "a job and a queued one");
      await visit.page.getByRole("button", { name: /^Cancel/ }).click();
      await expect.poll(() => person.tiles.nth(1).getAttribute("aria-label")).toMatch(/cancelled/);
      await expect.poll(() => person.tiles.first().getAttribute("aria-label")).toMatch(/generating/);
      // A click right after the button has changed does nothing.
      await visit.page.waitForTimeout(400);
      await visit.page.getByRole("button", { name: /^Cancel/ }).click();
      await person.screenshot("failed", "cancelled job");
      await person.generateButton.waitFor();
      await person.expectAccessible("a cancelled job");
    });

    it("downloads a PNG with its parameters, and takes them back from it", async () => {
      await visit.page.goto(app.served.url + linkWith({ task: "create", prompt: "a star", seed: 9 }));
      await person.tiles.last().click();
      await person.stageImage(/red circle/);
      const [download] = await Promise.all([visit.page.waitForEvent("download"), person.act("Download")]);
      const file = await readFile(await download.path());
      await person.drop("image.png", file);
      await person.expectAccessible("a dropped image");
      await visit.page
        .getByRole("dialog")
        .getByRole("button", { name: /parameters/ })
        .click();
      await expect(visit.page.getByLabel("Prompt", { exact: true }).inputValue()).resolves.toBe(RED_CIRCLE);
    });

    it.runIf(engine === "browser")("works without a network once it was there", async () => {
      await visit.page.waitForFunction(() => navigator.serviceWorker.controller !== null);
      await visit.context.setOffline(true);
      await visit.page.goto("about:blank");
      await visit.page.goto(app.served.url + linkWith({ task: "create", prompt: "a yellow star" }));
      await person.generate();
      await person.stageImage(/yellow star/);
      await visit.context.setOffline(false);
    });

    it.runIf(engine === "server")(
      "opens without a network, and offers a job again that it could not send",
      async () => {
        await visit.page.waitForFunction(() => navigator.serviceWorker.controller !== null);
        await visit.context.setOffline(true);
        await visit.page.goto("about:blank");
        await visit.page.goto(app.served.url + linkWith({ task: "create", prompt: "a yellow star" }));
        await person.generate();
        await visit.page.getByRole("heading", { name: "The connection to the server is lost" }).waitFor();
        await person.screenshot("failed", "no connection to the server");
        await visit.context.setOffline(false);
        await visit.page.getByRole("button", { name: "Try again" }).click();
        await person.stageImage(/yellow star/);
      },
    );

    it("had no errors in the console", () => {
      expect(visit.errors.filter((error) => !error.includes(NO_NETWORK))).toEqual([]);
    });
  },
);
