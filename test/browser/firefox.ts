import { existsSync } from "node:fs";
import puppeteer, { type Browser, type Page } from "puppeteer-core";
import type { PageFunction, TestBrowser, TestPage } from "./test-browser.js";

/** The Firefox of the browser tests; the variable `FIREFOX` names another one. */
export const firefoxPath = [process.env.FIREFOX, "/usr/bin/firefox-esr", "/usr/bin/firefox"].find(
  (path) => path !== undefined && existsSync(path),
);

/** Firefox on Linux has WebGPU behind the first preference, and refuses software drivers without the second. */
const PREFERENCES = { "dom.webgpu.enabled": true, "gfx.webgpu.ignore-blocklist": true };

/** Every host but this one is reached by a proxy that does not exist. */
const NO_NETWORK = {
  "network.proxy.type": 1,
  "network.proxy.http": "127.0.0.1",
  "network.proxy.http_port": 9,
  "network.proxy.ssl": "127.0.0.1",
  "network.proxy.ssl_port": 9,
};

/** Starts a headless Firefox with Mesa's software driver and without network. */
function launchFirefox(executablePath: string): Promise<Browser> {
  return puppeteer.launch({
    browser: "firefox",
    executablePath,
    headless: true,
    extraPrefsFirefox: { ...PREFERENCES, ...NO_NETWORK },
    // A long evaluation is an image on a busy processor. Tests have their own time limits.
    protocolTimeout: 0,
  });
}

class FirefoxPage implements TestPage {
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
    await this.page.waitForFunction(condition, { timeout: 0, polling: 100 });
  }

  evaluate<Argument, Result>(body: PageFunction<Argument, Result>, argument: Argument): Promise<Result> {
    return this.page.evaluate(body as never, argument);
  }

  setOffline(isOffline: boolean): Promise<void> {
    return this.page.setOfflineMode(isOffline);
  }

  close(): Promise<void> {
    return this.page.close();
  }
}

/** Firefox as a browser of the tests. */
export async function openFirefox(executablePath: string): Promise<TestBrowser> {
  const browser = await launchFirefox(executablePath);
  return {
    newPage: async () => new FirefoxPage(await browser.newPage()),
    close: () => browser.close(),
  };
}
