// The app on a server with keys and a fake runner: what a person sees of the server.
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { browsers } from "../browser/browsers.js";
import { chromiumPath, launchChromium } from "../browser/chromium.js";
import { DEFAULT_LIMITS } from "../../src/server/guard/limits.js";
import { TestServer } from "../server/support/test-server.js";
import { AppPage } from "./support/app-page.js";
import { buildApp } from "./support/app-server.js";
import { visitApp, type Visit } from "./support/open-app.js";

const owner = { id: "alice", name: "alice", limits: DEFAULT_LIMITS, readsMetrics: false };
const keys = { ownerOf: (token: string) => Promise.resolve(token === "right" ? owner : undefined) };

/** What the browser says in the console of answers that are errors. */
const REFUSED = /the server responded with a status of (?:401|503)/;

describe.skipIf(browsers.chromium.isMissing)("the app of a server with keys", { timeout: 120_000 }, () => {
  let server: TestServer;
  let browser: Browser;
  let visit: Visit;
  let person: AppPage;

  beforeAll(async () => {
    const page = await buildApp();
    server = await TestServer.start({
      guard: { keys },
      page: { page, configs: "configs" },
      behaviour: {
        models: ["shapes", "karlo", "depths"],
        unets: { depths: { sizeUnit: 8, takesHint: true, noiseLevels: 1000 } },
      },
    });
    browser = await launchChromium(chromiumPath!);
    visit = await visitApp(browser, `${server.url}/`);
    person = new AppPage(visit.page, "server");
  });
  afterAll(async () => {
    await browser.close();
    await server.stop();
  });

  /** Another caller's job of one image. */
  function ask(): Promise<Response> {
    const form = new FormData();
    const parameters = { task: "create", prompts: ["x"], count: 1, seed: 1, prior: {}, unets: [] };
    form.set("request", JSON.stringify({ model: "shapes", parameters }));
    return fetch(`${server.url}/api/jobs`, { method: "POST", headers: { authorization: "Bearer right" }, body: form });
  }

  it("asks for the key once, says where it is kept, and says if it is wrong", async () => {
    const { page } = visit;
    const dialog = page.getByRole("dialog", { name: "This server needs a key" });
    await dialog.getByText("It is kept in this browser").waitFor();
    await person.expectAccessible("the question for a key");
    await person.screenshot("empty", "key");
    await dialog.getByLabel("Key").fill("wrong");
    await dialog.getByRole("button", { name: "Use this key" }).click();
    await dialog.getByText("does not know the key").waitFor();
    await dialog.getByLabel("Key").fill("right");
    await page.keyboard.press("Enter");
    await dialog.waitFor({ state: "detached" });
    await page.reload();
    await page.getByText(/Computes on the server: a fake adapter/).waitFor();
    expect(await dialog.count()).toBe(0);
  });

  it("lists the models of the server with their state", async () => {
    const { page } = visit;
    await page.getByRole("button", { name: /^Model:/ }).click();
    const dialog = page.getByRole("dialog", { name: "Model" });
    await dialog.getByRole("radio", { name: /Shapes.*Ready on its GPU/ }).waitFor();
    await dialog.getByRole("radio", { name: /Karlo.*Loaded when it is needed/ }).check();
    await person.expectAccessible("the models of a server");
    await person.screenshot("full", "models");
    await dialog.getByRole("button", { name: "Use" }).click();
    await dialog.getByText("in use").waitFor();
    await page.keyboard.press("Escape");
  });

  it("says how many images are ahead of a job, and shows its image", async () => {
    const { page } = visit;
    server.runner.hold();
    const others = [await ask(), await ask()];
    await person.generateButton.click();
    await page.getByText("Waiting on the server: 1 image ahead").first().waitFor();
    await person.screenshot("busy", "waiting");
    server.runner.release();
    await person.stageImage(/red circle/);
    expect(server.runner.accepted.at(-1)).toMatchObject({ model: "karlo", owner: "alice" });
    await Promise.all(others.map((one) => one.text()));
  });

  it("offers a job again that a full queue refused", async () => {
    const { page } = visit;
    server.runner.hold();
    const other = await ask();
    server.runner.behaviour.maxWaiting = 0;
    await page.waitForTimeout(400);
    await person.generateButton.click();
    await page.getByRole("heading", { name: "The server is busy" }).waitFor();
    await page.getByText("Try again in about 2 s.").waitFor();
    await person.screenshot("failed", "full queue");
    server.runner.behaviour.maxWaiting = Infinity;
    server.runner.release();
    await other.text();
    await page.getByRole("button", { name: "Try again" }).click();
    await person.stageImage(/red circle/);
  });

  it("has fields for size, hint and noise, for models that take them", async () => {
    const { page } = visit;
    const [width, noise] = [page.getByLabel("Size: width"), page.getByRole("spinbutton", { name: "Noise" })];
    const use = async (name: RegExp) => {
      await page.getByRole("button", { name: /^Model:/ }).click();
      const dialog = page.getByRole("dialog", { name: "Model" });
      await dialog.getByRole("radio", { name }).check();
      await dialog.getByRole("button", { name: "Use" }).click();
      await dialog.getByText("in use").waitFor();
      await page.keyboard.press("Escape");
    };
    const hint = page.getByRole("group", { name: "Hint image" });
    expect(await Promise.all([width, noise, hint].map((one) => one.count()))).toEqual([0, 0, 0]);
    await use(/depths/);
    await page.getByText("Add a hint image").waitFor();
    await hint.getByLabel("Hint image").setInputFiles("test/app/records/dream.png");
    await hint.getByText("64 × 64").waitFor();
    await width.fill("30");
    await noise.fill("20");
    await noise.press("Tab");
    await page.getByText("The images have 32 × 16 pixels: sides are multiples of 8.").waitFor();
    await person.expectAccessible("size, hint and noise");
    await person.screenshot("full", "size, hint and noise");
    await person.generate();
    const settings = { size: { width: 30, height: 16 }, noiseLevel: 20 };
    await expect
      .poll(() => server.runner.accepted.at(-1)?.request)
      .toMatchObject({ parameters: settings, hint: { width: 64, height: 64 }, hintName: "dream.png" });
    await person.stageImage(/red circle/);
    await page.getByRole("button", { name: /^Size: back/ }).click();
    expect(await width.inputValue()).toBe("16");
    await person.act("Use its parameters");
    await expect.poll(() => width.inputValue()).toBe("30");
    await use(/Karlo/);
    expect(await Promise.all([width, noise, hint].map((one) => one.count()))).toEqual([0, 0, 0]);
  });

  it("changes to the browser's GPU and back in the settings, on the same model", async () => {
    const { page } = visit;
    await page.getByRole("button", { name: "Settings" }).click();
    const where = page.getByLabel("Computes on");
    await where.selectOption({ label: "This browser’s GPU" });
    await page.getByText("Everything stays in this browser.").waitFor();
    await page.getByLabel("Weights").waitFor();
    await page.keyboard.press("Escape");
    await expect.poll(() => page.getByRole("button", { name: /^Model:/ }).textContent()).toContain("Karlo");
    await page.reload();
    await page.getByRole("button", { name: "Settings" }).click();
    await where.selectOption({ label: "This server" });
    await page.getByRole("button", { name: "Forget the key of the server" }).waitFor();
    await person.expectAccessible("settings of a server's page");
    await person.screenshot("full", "settings");
    await page.keyboard.press("Escape");
  });

  it("had no errors in the console but refusals", () => {
    expect(visit.errors.filter((error) => !REFUSED.test(error))).toEqual([]);
  });
});
