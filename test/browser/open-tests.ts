import type { KnownBrowser } from "./browsers.js";
import { bundleForBrowser, servePage } from "./page-server.js";
import type { TestBrowser, TestPage } from "./test-browser.js";

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

/** Bundles page.ts, and the worker that the library starts, by the names that they are served under. */
export async function bundleTests(): Promise<Record<string, string>> {
  const entries = { "page.js": "test/browser/page.ts", "browser-worker.js": "src/worker/main.ts" };
  const bundles = Object.entries(entries).map(async ([name, entry]) => {
    return [name, (await bundleForBrowser(entry)).outputFiles[0]!.text] as const;
  });
  return Object.fromEntries(await Promise.all(bundles));
}

/** Opens a page and waits until page.ts has run in it. */
export async function openTestPage(page: TestPage, url: string): Promise<void> {
  await page.open(url);
  await page.waitFor(() => "tests" in globalThis);
}

/** Starts a browser and opens page.ts in it. `more` are other scripts to serve, by name. */
export async function openTests(known: KnownBrowser, more: Readonly<Record<string, string>> = {}): Promise<OpenTests> {
  const [scripts, browser] = await Promise.all([bundleTests(), known.launch()]);
  const { url, server, requests } = await servePage({ ...scripts, ...more });
  const page = await browser.newPage();
  await openTestPage(page, url);
  const close = async (): Promise<void> => {
    await browser.close();
    server.closeAllConnections();
    server.close();
  };
  return { browser, page, url, requests, close };
}
