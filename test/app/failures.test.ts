import { chromium } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { browsers } from "../browser/browsers.js";
import { chromiumPath } from "../browser/chromium.js";
import { deviceOf, namedTable } from "../../src/cli/tuning-table.js";
import { ModelLoadConfig } from "../../src/pipeline/load-config.js";
import { planMemory } from "../../src/pipeline/manager/memory-plan.js";
import { AppPage, linkWith } from "./support/app-page.js";
import { giveMemory, limitMemory } from "./support/gpu-memory.js";
import { openApp, visitApp, type OpenApp, type Visit, type VisitOptions } from "./support/open-app.js";

const FEW = linkWith({ task: "create", prompt: "a red circle" });
const PATIENCE = { timeout: 60_000 };

describe.skipIf(browsers.chromium.isMissing)("each failure says what to do, and goes on", { timeout: 120_000 }, () => {
  let app: OpenApp;
  let visit: Visit;
  let person: AppPage;

  beforeAll(async () => {
    app = await openApp();
  });
  afterAll(() => app.close());
  afterEach(() => visit.close());

  async function comeIn(options: VisitOptions = {}): Promise<void> {
    visit = await app.visit({ hash: FEW, ...options });
    person = new AppPage(visit.page);
  }

  /** Presses the button of a failure, and waits for the image. */
  async function mend(button: string): Promise<void> {
    await visit.page.getByRole("button", { name: button }).click();
    await person.stageImage(/red circle/);
  }

  /** Bytes that hold the weights of each network, but not the work of the largest. */
  async function bytesWithoutImages(): Promise<number> {
    const gpu = await deviceOf(await namedTable("swiftshader-2"));
    const { components } = await planMemory(await ModelLoadConfig.named(), { dtype: "f32", batchSize: 1, gpu });
    const [largest] = components.toSorted((a, b) => b.weightBytes - a.weightBytes);
    return largest!.weightBytes + largest!.workBytes / 2;
  }

  async function expectFailure(title: string): Promise<void> {
    await visit.page.getByRole("heading", { name: title }).waitFor(PATIENCE);
    await person.expectAccessible(title);
    await person.screenshot("failed", title);
  }

  it("a network that is gone", async () => {
    await comeIn();
    await visit.context.setOffline(true);
    await person.generateButton.click();
    await expectFailure("There is no connection");
    await visit.context.setOffline(false);
    await mend("Try again");
  });

  it("a GPU that is lost", async () => {
    await comeIn();
    await person.generateButton.click();
    await visit.page
      .getByText(/U-Net 1, step/)
      .first()
      .waitFor(PATIENCE);
    const session = await app.browser.newBrowserCDPSession();
    await session.send("Browser.crashGpuProcess");
    await session.detach();
    await expectFailure("The GPU was lost");
    await mend("Reopen the GPU");
  });

  it("a GPU without f16", async () => {
    await comeIn();
    await visit.page.getByRole("button", { name: "Settings" }).click();
    await visit.page.getByLabel("Numbers").selectOption("f16");
    await person.expectAccessible("the settings");
    await visit.page.keyboard.press("Escape");
    await person.generateButton.click();
    await expectFailure("This GPU has no f16");
    await mend("Generate in f32");
  });

  it("a GPU without memory for the model", async () => {
    await comeIn({ prepare: (context) => limitMemory(context, 2 ** 20) });
    await person.generateButton.click();
    await expectFailure("The model does not fit the GPU");
    await visit.page.getByRole("button", { name: "Choose another model" }).click();
    await visit.page.getByRole("dialog", { name: "Model" }).waitFor();
    await visit.page.keyboard.press("Escape");
    // Other programs are closed.
    await giveMemory(visit);
    await person.generateButton.click();
    await person.stageImage(/red circle/);
  });

  it("a GPU without memory for the images", async () => {
    const bytes = await bytesWithoutImages();
    const hash = linkWith({ task: "create", prompt: "a red circle", count: 2 });
    await comeIn({ hash, prepare: (context) => limitMemory(context, bytes) });
    await person.generateButton.click();
    await expectFailure("The GPU has too little memory");
    await giveMemory(visit);
    await mend("Try again");
  });

  it("a storage that is full", async () => {
    await comeIn();
    const { origin } = new URL(app.served.url);
    const session = await visit.context.newCDPSession(visit.page);
    await session.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 3e6 });
    await person.generateButton.click();
    await expectFailure("The storage is full");
    await visit.page.getByRole("button", { name: /^Free / }).click();
    await visit.page.getByRole("dialog").waitFor();
    await person.expectAccessible("the storage");
    await visit.page.keyboard.press("Escape");
    await session.send("Storage.overrideQuotaForOrigin", { origin });
    await person.generateButton.click();
    await person.stageImage(/red circle/);
  });

  it("a model whose files are damaged", async () => {
    await comeIn();
    await visit.context.route(/decoder\.safetensors$/, (route) => route.fulfill({ body: "no tensors" }));
    await person.generateButton.click();
    await expectFailure("This file is not what it should be");
    await visit.page.getByRole("button", { name: "Choose another model" }).click();
    await visit.page.getByRole("dialog", { name: "Model" }).waitFor();
    await person.expectAccessible("the model dialog after a failure");
    await visit.context.unrouteAll();
    await visit.page.keyboard.press("Escape");
    await person.generateButton.click();
    await person.stageImage(/red circle/);
  });

  it("a browser without an adapter", async () => {
    const browser = await chromium.launch({ executablePath: chromiumPath!, args: ["--headless=new", "--no-sandbox"] });
    try {
      visit = await visitApp(browser, app.served.url, { hash: FEW });
      person = new AppPage(visit.page);
      await visit.page.getByRole("button", { name: "Look again" }).waitFor(PATIENCE);
      await visit.page.getByText("What the browser said").click();
      await person.expectAccessible("no adapter");
      await person.screenshot("failed", "no adapter");
      expect(visit.errors).toEqual([]);
    } finally {
      await browser.close();
    }
  });
});
