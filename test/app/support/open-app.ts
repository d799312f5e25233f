import type { Browser, BrowserContext, Page } from "playwright-core";
import { chromiumPath, launchChromium } from "../../browser/chromium.js";
import { serveApp, serveByServer, type ServedApp, type StaticApp } from "./app-server.js";

/** The app in a Chromium. */
export interface OpenApp<Served extends ServedApp = StaticApp> {
  readonly browser: Browser;
  readonly served: Served;
  /** A visitor who was never here, and whose page is open. */
  readonly visit: (options?: VisitOptions) => Promise<Visit>;
  readonly close: () => Promise<void>;
}

/** Who visits. */
export interface VisitOptions {
  readonly width?: number;
  readonly height?: number;
  readonly colorScheme?: "light" | "dark";
  /** Runs in the page before its scripts. */
  readonly before?: () => void;
  /** Changes the browser before the page is opened. */
  readonly prepare?: (context: BrowserContext) => Promise<void>;
  /** Part of the URL after the folder: `#…`. */
  readonly hash?: string;
}

/** A visitor's browser, whose pages share their storage. */
export interface Visit {
  readonly context: BrowserContext;
  readonly page: Page;
  /** Errors in the console, and those that nothing caught. */
  readonly errors: string[];
  readonly close: () => Promise<void>;
}

/** Builds and serves the app, and starts a Chromium with SwiftShader. */
export function openApp(): Promise<OpenApp> {
  return openWith(serveApp);
}

/** What computes: the GPU of the browser, or a `dalle2 serve` that the page comes from. */
export const ENGINES = ["browser", "server"] as const;
/** One of `ENGINES`. */
export type EngineName = (typeof ENGINES)[number];

/** The same on one of the engines. */
export function openAppOn(engine: EngineName): Promise<OpenApp<ServedApp>> {
  return openWith<ServedApp>(engine === "server" ? serveByServer : serveApp);
}

async function openWith<Served extends ServedApp>(serve: () => Promise<Served>): Promise<OpenApp<Served>> {
  if (chromiumPath === undefined) throw new Error("No Chromium found: install its package, or set CHROMIUM to it.");
  const [served, browser] = await Promise.all([serve(), launchChromium(chromiumPath)]);
  return {
    browser,
    served,
    visit: (options) => visitApp(browser, served.url, options),
    close: async () => {
      await browser.close();
      await served.close();
    },
  };
}

/** A visitor who was never here, and whose page is open. */
export async function visitApp(browser: Browser, url: string, options: VisitOptions = {}): Promise<Visit> {
  const { width = 1280, height = 900, colorScheme = "light", before, prepare, hash = "" } = options;
  const context = await browser.newContext({ viewport: { width, height }, colorScheme, reducedMotion: "reduce" });
  context.setDefaultTimeout(30_000);
  if (before) await context.addInitScript(before);
  await prepare?.(context);
  const errors: string[] = [];
  context.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  context.on("weberror", (error) => errors.push(String(error.error())));
  const page = await context.newPage();
  await page.goto(url + hash);
  return { context, page, errors, close: () => context.close() };
}
