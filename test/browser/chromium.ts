import { existsSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { chromium, type Browser, type Page } from "playwright-core";
import type { PageFunction, TestBrowser, TestPage } from "./test-browser.js";

/** The Chromium of the browser tests; the variable `CHROMIUM` names another one. */
export const chromiumPath = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/google-chrome"].find(
  (path) => path !== undefined && existsSync(path),
);

/** What makes Vulkan in Node use the SwiftShader of that Chromium: variables of the environment. */
export function swiftShaderOf(executablePath: string): Readonly<Record<string, string>> {
  // Debian's program is a script that starts the one in the second folder.
  const folders = [dirname(realpathSync(executablePath)), "/usr/lib/chromium"];
  const drivers = folders.map((folder) => join(folder, "vk_swiftshader_icd.json"));
  const driver = drivers.find((file) => existsSync(file));
  if (driver === undefined) throw new Error(`No SwiftShader found: ${drivers.join(", ")}`);
  return { VK_ICD_FILENAMES: driver };
}

/** Starts a headless Chromium with SwiftShader and without network. */
export function launchChromium(executablePath: string, more: readonly string[] = []): Promise<Browser> {
  const gpu = ["--headless=new", "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--no-sandbox"];
  const quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic"];
  return chromium.launch({ executablePath, args: [...gpu, ...quiet, "--no-first-run", ...more] });
}

class ChromiumPage implements TestPage {
  readonly errors: string[] = [];

  constructor(private readonly page: Page) {
    page.on("console", (message) => {
      if (message.type() === "error") this.errors.push(message.text());
    });
    page.on("pageerror", (error) => this.errors.push(String(error)));
  }

  async open(url: string): Promise<void> {
    await this.page.goto(url);
  }

  async waitFor(condition: () => boolean): Promise<void> {
    await this.page.waitForFunction(condition, undefined, { timeout: 0, polling: 100 });
  }

  evaluate<Argument, Result>(body: PageFunction<Argument, Result>, argument: Argument): Promise<Result> {
    return this.page.evaluate(body as never, argument);
  }

  setOffline(isOffline: boolean): Promise<void> {
    return this.page.context().setOffline(isOffline);
  }

  close(): Promise<void> {
    return this.page.close();
  }
}

/** Chromium as a browser of the tests. */
export async function openChromium(executablePath: string): Promise<TestBrowser> {
  const browser = await launchChromium(executablePath);
  // Pages of one context share their storage, as tabs do.
  const context = await browser.newContext();
  return {
    newPage: async () => new ChromiumPage(await context.newPage()),
    crashGpu: async () => {
      const session = await browser.newBrowserCDPSession();
      await session.send("Browser.crashGpuProcess");
      await session.detach();
    },
    close: () => browser.close(),
  };
}
