// What the tests need of a browser, so that a test is written once and runs in each.
import { describe } from "vitest";
import { chromiumPath, openChromium } from "./chromium.js";
import { firefoxPath, openFirefox } from "./firefox.js";

/** Runs in the page. It must not use variables of the test's file; arguments and results are JSON. */
export type PageFunction<Argument, Result> = (argument: Argument) => Result | Promise<Result>;

/** A tab. */
export interface TestPage {
  /** Errors in the console, and those that nothing caught. */
  readonly errors: readonly string[];
  /** Opens a URL and waits until page.ts has run. */
  open(url: string): Promise<void>;
  evaluate<Argument, Result>(body: PageFunction<Argument, Result>, argument: Argument): Promise<Result>;
  setOffline(isOffline: boolean): Promise<void>;
  close(): Promise<void>;
}

/** A browser whose tabs share their storage. */
export interface TestBrowser {
  newPage(): Promise<TestPage>;
  /** Ends the process that works with the GPU, where there is a way to. */
  readonly crashGpu?: () => Promise<void>;
  close(): Promise<void>;
}

/** A browser that may be installed. */
export interface KnownBrowser {
  readonly name: "Chromium" | "Firefox";
  /** Whether its tests are skipped: it is not installed, and `REQUIRE_BROWSER` is not set. */
  readonly isMissing: boolean;
  launch(): Promise<TestBrowser>;
}

function known(
  name: KnownBrowser["name"],
  path: string | undefined,
  open: (path: string) => Promise<TestBrowser>,
): KnownBrowser {
  return {
    name,
    isMissing: path === undefined && !process.env.REQUIRE_BROWSER,
    launch: () => {
      if (path !== undefined) return open(path);
      throw new Error(`No ${name} found: install its package, or set ${name.toUpperCase()} to its program.`);
    },
  };
}

export const browsers = {
  chromium: known("Chromium", chromiumPath, openChromium),
  firefox: known("Firefox", firefoxPath, openFirefox),
};

/** Describes tests in each browser. Those of a browser that is missing are skipped, unless `REQUIRE_BROWSER` is set. */
export function inEachBrowser(title: string, tests: (known: KnownBrowser) => void): void {
  for (const known of Object.values(browsers)) {
    // Compiling all kernels of a model takes long on a busy processor.
    describe.skipIf(known.isMissing)(`${title} in ${known.name}`, { timeout: 300_000 }, () => {
      tests(known);
    });
  }
}
