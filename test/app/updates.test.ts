import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { browsers } from "../browser/browsers.js";
import { AppPage, linkWith } from "./support/app-page.js";
import { NEXT_NAME } from "./support/next-version.config.js";
import { openApp, type OpenApp, type Visit } from "./support/open-app.js";

const CONFIG = "test/app/support/next-version.config.ts";
const OFFER = "A new version of this page is ready.";

describe.skipIf(browsers.chromium.isMissing)("a new version of the app", { timeout: 240_000 }, () => {
  let app: OpenApp;
  let visit: Visit;
  let person: AppPage;

  beforeAll(async () => {
    app = await openApp();
    // Many steps: the job still runs when the new version is found.
    visit = await app.visit({ hash: linkWith({ task: "create", prompt: "a red circle", "unet1.steps": 64 }) });
    person = new AppPage(visit.page);
  });
  afterAll(() => app.close());

  /** Looks for a new version, as browsers do by themselves from time to time, until one waits. */
  function findVersion(page: Page): Promise<void> {
    return page.evaluate(async () => {
      const registration = await navigator.serviceWorker.ready;
      await registration.update();
      while (!registration.waiting) await new Promise((resolve) => setTimeout(resolve, 50));
    });
  }

  it("is offered once no job runs, and runs when it is taken", async () => {
    const { page, context } = visit;
    const next = await app.served.buildVersion(CONFIG);
    await page.evaluate(async () => {
      await navigator.serviceWorker.ready;
    });
    const otherTab = await context.newPage();
    await otherTab.goto(app.served.url);
    const cancel = page.getByRole("button", { name: "Cancel", exact: true });
    await person.generateButton.click();
    await cancel.waitFor();
    next.deploy();
    await findVersion(page);
    expect(await cancel.isVisible()).toBe(true);
    expect(await page.getByText(OFFER).count()).toBe(0);
    await page.getByText(OFFER).waitFor({ timeout: 120_000 });
    await person.stageImage(/red circle/);
    await person.expectAccessible("the offer of a new version");
    await person.screenshot("full", "offer of a new version");
    expect(await page.getByText(NEXT_NAME).count()).toBe(0);
    await page.getByRole("button", { name: "Reload" }).click();
    await page.getByText(NEXT_NAME).waitFor();
    await otherTab.getByText("another tab already uses").waitFor();
    await otherTab.getByRole("button", { name: "Reload" }).click();
    await otherTab.getByText(NEXT_NAME).waitFor();
  });

  it("keeps what was generated, and opens without a network", async () => {
    await visit.context.setOffline(true);
    await visit.page.reload();
    await visit.page.getByText(NEXT_NAME).waitFor();
    await visit.page.getByRole("tab", { name: "History" }).click();
    await visit.page.getByRole("region", { name: "History" }).locator("img").waitFor();
    expect(visit.errors).toEqual([]);
  });
});
