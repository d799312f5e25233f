import { describe } from "vitest";
import { chromiumPath, openChromium } from "./chromium.js";
import { firefoxPath, openFirefox } from "./firefox.js";
import type { TestBrowser } from "./test-browser.js";

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
