import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { browsers } from "../browser/browsers.js";
import { AppPage, linkWith } from "./support/app-page.js";
import { openApp, type OpenApp } from "./support/open-app.js";

const TABS = ["Create", "Variations", "Inpaint", "Upscale", "Interpolate & edit", "History"];

/** Titles of dialogs by the button in the settings. */
const DIALOGS = { Storage: "Downloads and storage", Keys: "Keys", About: "About" };

const SCREENS = [
  { name: "light", width: 1280, height: 900, colorScheme: "light" },
  { name: "dark", width: 1440, height: 900, colorScheme: "dark" },
  { name: "phone", width: 360, height: 740, colorScheme: "light" },
  { name: "dark phone", width: 360, height: 740, colorScheme: "dark" },
] as const;

describe.skipIf(browsers.chromium.isMissing)("the app as it looks", { timeout: 120_000 }, () => {
  let app: OpenApp;
  beforeAll(async () => {
    app = await openApp();
  });
  afterAll(() => app.close());

  it.each(SCREENS)("has every tab and dialog for everybody: $name", async ({ name, ...screen }) => {
    const { page, errors, close } = await app.visit(screen);
    const person = new AppPage(page);
    for (const tab of TABS) {
      await person.openTab(tab);
      await person.expectAccessible(tab);
      await person.screenshot(name, tab);
      // Nothing is wider than the window.
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(screen.width);
    }
    for (const [dialog, title] of Object.entries(DIALOGS)) {
      await page.getByRole("button", { name: "Settings" }).click();
      await page.getByRole("dialog").getByRole("button", { name: dialog }).click();
      await page.getByRole("dialog", { name: title, exact: true }).waitFor();
      await person.expectAccessible(dialog);
      await person.screenshot(name, dialog);
      await page.keyboard.press("Escape");
    }
    await page.getByRole("button", { name: /^Model/ }).click();
    await page.getByRole("dialog", { name: "Model" }).waitFor();
    await person.expectAccessible("the models");
    await person.screenshot(name, "Model");
    expect(errors).toEqual([]);
    await close();
  });

  it("leads to the option that has a problem, and leaves the others as the link has them", async () => {
    const given = { "unet1.guidance": 1, "unet2.guidance": 1.25, prompt: "a red circle", negative: "a square" };
    const { page, errors, close } = await app.visit({ ...SCREENS[2], hash: linkWith({ task: "create", ...given }) });
    await page.getByText("A negative prompt works by guidance").first().waitFor();
    await new AppPage(page).generateButton.press("Enter");
    const options = page.getByRole("dialog", { name: "Options", exact: true });
    const negative = options.getByLabel("Negative prompt");
    await expect.poll(() => negative.evaluate((field) => field === document.activeElement)).toBe(true);
    const guidance = options.getByLabel("Guidance").and(options.locator("input")).last();
    expect(await guidance.inputValue()).toBe("1.25");
    await options.getByText("Advanced", { exact: true }).click();
    await guidance.scrollIntoViewIfNeeded();
    expect(await guidance.inputValue()).toBe("1.25");
    expect(errors).toEqual([]);
    await close();
  });

  it("changes to the model of a folder", async () => {
    const folder = await mkdtemp(join(tmpdir(), "dalle2-model-"));
    await Promise.all([
      cp("configs/shapes.json", join(folder, "own.json")),
      cp("configs/shapes", join(folder, "shapes"), { recursive: true }),
    ]);
    const { page, errors, close } = await app.visit({
      hash: linkWith({ task: "create", prompt: "a red circle on a white background" }),
    });
    const person = new AppPage(page);
    const before = app.served.requests.length;
    await page.getByRole("button", { name: /^Model/ }).click();
    await page.locator("input[webkitdirectory]").setInputFiles(folder);
    await page.getByRole("dialog").getByRole("button", { name: /^Load/ }).click();
    await page.getByText("in use").waitFor({ timeout: 60_000 });
    await person.screenshot("full", "model of a folder");
    await page.getByRole("dialog").getByRole("button", { name: "Done" }).click();
    await person.generate();
    await person.stageImage(/red circle/);
    // Its files are read where they lie. The dialog has looked at the headers of the three files of Shapes.
    const asked = app.served.requests.slice(before).filter((path) => path.endsWith(".safetensors"));
    expect(asked.length).toBeLessThanOrEqual(3);
    expect(errors).toEqual([]);
    await close();
    await rm(folder, { recursive: true });
  });
});
