import type { KnownBrowser, TestBrowser, TestPage } from "./browsers.js";
import { bundleForBrowser, servePage } from "./page-server.js";

/** A page in which page.ts has run. */
export interface OpenTests {
  readonly browser: TestBrowser;
  readonly page: TestPage;
  /** URL of the page. */
  readonly url: string;
  /** Paths of all requests, oldest first. */
  readonly requests: string[];
  close(): Promise<void>;
}

/** Starts a browser and opens page.ts in it. */
export async function openTests(known: KnownBrowser): Promise<OpenTests> {
  const [bundle, browser] = await Promise.all([bundleForBrowser("test/browser/page.ts"), known.launch()]);
  const { url, server, requests } = await servePage(bundle.outputFiles[0]!.text);
  const page = await browser.newPage();
  await page.open(url);
  const close = async (): Promise<void> => {
    await browser.close();
    server.closeAllConnections();
    server.close();
  };
  return { browser, page, url, requests, close };
}
