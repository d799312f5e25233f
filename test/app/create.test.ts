import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { browsers } from "../browser/browsers.js";
import { openApp, type OpenApp } from "./support/open-app.js";

describe.skipIf(browsers.chromium.isMissing)("a first visit", { timeout: 300_000 }, () => {
  let app: OpenApp;
  beforeAll(async () => {
    app = await openApp();
  });
  afterAll(async () => {
    await app.close();
  });

  it("generates an image by one click", async () => {
    const { page, errors, close } = await app.visit();
    await page.getByRole("button", { name: /^Generate/ }).click();
    const image = page.getByRole("img", { name: /red circle/ });
    await image.first().waitFor({ timeout: 240_000 });
    expect(errors).toEqual([]);
    await close();
  });
});
