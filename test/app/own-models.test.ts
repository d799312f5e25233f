import { join } from "node:path";
import type { Locator } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { browsers } from "../browser/browsers.js";
import { AppPage, type ShownPixels } from "./support/app-page.js";
import { openApp, type OpenApp, type Visit } from "./support/open-app.js";

const FIXTURES = "test/fixtures";
const PIPELINE = ["load_config.json", "clip.safetensors", "prior.pth", "prior_config.json"];
const DECODERS = ["decoder.safetensors", "upsampler.safetensors"];

describe.skipIf(browsers.chromium.isMissing)("models of the person, tiny ones", { timeout: 240_000 }, () => {
  let app: OpenApp;
  let visit: Visit;
  let person: AppPage;

  beforeAll(async () => {
    app = await openApp();
  });
  afterAll(() => app.close());
  beforeEach(async () => {
    // A test cannot use the window of the system that Chromium opens for folders; other browsers have none.
    visit = await app.visit({ before: () => Reflect.deleteProperty(globalThis, "showDirectoryPicker") });
    person = new AppPage(visit.page);
  });
  afterEach(async () => {
    expect(visit.errors).toEqual([]);
    await visit.close();
  });

  /** Chooses files in the dialog of models, and loads the model. */
  async function load(button: string, files: string | readonly string[]): Promise<void> {
    const { page } = visit;
    await page.getByRole("button", { name: /^Model/ }).click();
    const dialog = page.getByRole("dialog", { name: "Model" });
    const [chooser] = await Promise.all([
      page.waitForEvent("filechooser"),
      dialog.getByRole("button", { name: button }).click(),
    ]);
    await chooser.setFiles(files);
    await dialog.getByText(/Needs .* of GPU memory in f32/).waitFor();
    await dialog.getByRole("button", { name: /^Load/ }).click();
    await dialog.getByText("in use").waitFor({ timeout: 120_000 });
    await person.expectAccessible("a model of the person");
    await dialog.getByRole("button", { name: "Done" }).click();
  }

  /** The numbers that the page shows for a setting of each network. */
  async function shown(setting: string): Promise<string[]> {
    const { page } = visit;
    const networks: Locator[] = await page.getByRole("group", { name: /^(Prior|U-Net)/ }).all();
    return Promise.all(networks.map((one) => one.getByRole("spinbutton", { name: setting, exact: true }).inputValue()));
  }

  async function generate(prompt: string): Promise<ShownPixels> {
    await visit.page.getByLabel("Prompt", { exact: true }).fill(prompt);
    await person.generate();
    return person.stageImage(new RegExp(prompt));
  }

  it("a folder of Karlo in diffusers' layout, with the steps of its pipeline", async () => {
    await load("Open a folder", join(FIXTURES, "karlo-text-to-image/model"));
    await visit.page.getByText("Advanced", { exact: true }).click();
    expect(await shown("Steps")).toEqual(["25", "25", "7"]);
    const { width, data } = await generate("a cat");
    expect(width).toBe(32);
    expect(new Set(data).size).toBeGreaterThan(30);
    await person.screenshot("full", "a model of the person");
  });

  it("checkpoints of DALLE2-pytorch by a load config and the files that it names", async () => {
    const files = [...PIPELINE, ...DECODERS].map((name) => join(FIXTURES, "pipeline", name));
    await load("Open files", files);
    await visit.page.getByText("Advanced", { exact: true }).click();
    expect(await shown("Steps")).toEqual(["3", "4", "3"]);
    expect(await shown("Guidance")).toEqual(["1.5", "1.7", "1"]);
    const { width, data } = await generate("a dog");
    expect(width).toBe(32);
    expect(new Set(data).size).toBeGreaterThan(30);
  });
});
