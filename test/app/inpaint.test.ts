import type { Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { browsers } from "../browser/browsers.js";
import { encodePng } from "../../src/image/png.js";
import { AppPage } from "./support/app-page.js";
import type { ServedApp } from "./support/app-server.js";
import { ENGINES, openAppOn, type OpenApp } from "./support/open-app.js";

const SIDE = 64;

/** A red square on white. */
function squareImage(): Uint8Array {
  const data = new Uint8Array(SIDE * SIDE * 3).fill(255);
  for (let y = 16; y < 48; y++) for (let x = 16; x < 48; x++) data.set([220, 30, 30], (y * SIDE + x) * 3);
  return data;
}

async function openPainter(page: Page): Promise<Locator> {
  await page.getByRole("tab", { name: "Inpaint" }).click();
  const image = { width: SIDE, height: SIDE, channels: 3 as const, data: squareImage() };
  const input = page.getByRole("group", { name: "Image" }).getByLabel("Image");
  await input.setInputFiles({
    name: "square.png",
    mimeType: "image/png",
    buffer: Buffer.from(await encodePng(image)),
  });
  const mask = page.getByRole("application", { name: "Mask" });
  await mask.waitFor();
  return mask;
}

/** Returns the place in the page of a point of the image. */
async function placing(mask: Locator): Promise<(x: number, y: number) => { readonly x: number; readonly y: number }> {
  const box = (await mask.boundingBox())!;
  const scale = Math.min(box.width, box.height) / SIDE;
  return (x, y) => ({
    x: box.x + box.width / 2 + (x - SIDE / 2) * scale,
    y: box.y + box.height / 2 + (y - SIDE / 2) * scale,
  });
}

/** The pixels of an image that the page shows, RGBA. */
function pixelsOf(image: Locator): Promise<readonly number[]> {
  return image.evaluate((element) => {
    const source = (
      element.matches("img, canvas") ? element : element.querySelector("img, canvas")!
    ) as HTMLImageElement;
    const canvas = document.createElement("canvas");
    canvas.width = 64;
    canvas.height = 64;
    const context = canvas.getContext("2d")!;
    context.imageSmoothingEnabled = false;
    context.drawImage(source, 0, 0, 64, 64);
    return [...context.getImageData(0, 0, 64, 64).data];
  });
}

describe.skipIf(browsers.chromium.isMissing).each(ENGINES)("inpainting on the %s", { timeout: 300_000 }, (engine) => {
  let app: OpenApp<ServedApp>;
  beforeAll(async () => {
    app = await openAppOn(engine);
  });
  afterAll(async () => {
    await app.close();
  });

  it("generates what a stroke marked, and changes no other pixel", async () => {
    const { page, errors, close } = await app.visit();
    const place = await placing(await openPainter(page));
    const from = place(20, 20);
    const to = place(44, 20);
    await page.mouse.move(from.x, from.y);
    await page.mouse.down();
    await page.mouse.move(to.x, to.y, { steps: 6 });
    await page.mouse.up();
    await page.getByRole("textbox", { name: "Prompt", exact: true }).fill("a blue circle");
    await page.getByText("Advanced", { exact: true }).click();
    for (const field of await page.getByRole("spinbutton", { name: /^(Steps|Repeats)$/ }).all()) {
      await field.fill("2");
      await field.press("Tab");
    }
    await new AppPage(page).generateButton.click();
    const done = page
      .locator("img")
      .and(page.getByRole("img", { name: /blue circle/ }))
      .first();
    await done.waitFor({ timeout: 240_000 });
    const [before, after] = [squareImage(), await pixelsOf(done)];
    let changed = 0;
    for (let pixel = 0; pixel < SIDE * SIDE; pixel++) {
      const isSame = [0, 1, 2].every((i) => before[pixel * 3 + i] === after[pixel * 4 + i]);
      const [x, y] = [(pixel % SIDE) + 0.5, Math.floor(pixel / SIDE) + 0.5];
      // The brush is 8 pixels wide; a pixel more for the rounding of the pointer's place.
      const isNear = Math.hypot(Math.max(20 - x, x - 44, 0), y - 20) <= 5;
      if (!isNear) expect(isSame, `pixel ${x}, ${y}`).toBe(true);
      if (!isSame) changed++;
    }
    expect(changed).toBeGreaterThan(50);
    // The mask is still there.
    await page.getByRole("button", { name: "Paint the mask" }).click();
    await page.getByRole("button", { name: "Undo" }).click();
    await page.getByText("Nothing is marked").first().waitFor();
    expect(errors).toEqual([]);
    await close();
  });

  // The engine has no part in painting.
  const isBrowser = engine === "browser";

  it.runIf(isBrowser)("is painted by keys alone", async () => {
    const { page, close } = await app.visit();
    const mask = await openPainter(page);
    await mask.focus();
    await page.keyboard.press("r");
    await page.keyboard.press("Space");
    await page.keyboard.press("Shift+ArrowRight");
    await page.keyboard.press("Shift+ArrowDown");
    await page.keyboard.press("Space");
    await page.getByText("2 % of the image will be generated.").first().waitFor();
    await page.keyboard.press("Control+z");
    await page.getByText("Nothing is marked").first().waitFor();
    await close();
  });

  it.runIf(isBrowser)("is painted by one finger, and enlarged by two, on a phone", async () => {
    const { page, context, close } = await app.visit({ width: 390, height: 844 });
    const place = await placing(await openPainter(page));
    const session = await context.newCDPSession(page);
    const touch = (type: "touchStart" | "touchMove" | "touchEnd", ...touchPoints: { x: number; y: number }[]) =>
      session.send("Input.dispatchTouchEvent", { type, touchPoints: touchPoints.map((at, id) => ({ ...at, id })) });
    await touch("touchStart", place(20, 32));
    await touch("touchStart", place(20, 32), place(40, 32));
    await touch("touchMove", place(10, 32), place(50, 32));
    await touch("touchEnd");
    await page.getByText("Nothing is marked").first().waitFor();
    await page.getByRole("button", { name: "The whole image" }).click();
    await touch("touchStart", place(20, 32));
    await touch("touchMove", place(40, 32));
    await touch("touchEnd");
    await page
      .getByText(/^[5-7] % of the image/)
      .first()
      .waitFor();
    await page.getByRole("button", { name: "Done" }).click();
    await new AppPage(page).generateButton.waitFor();
    await close();
  });
});
