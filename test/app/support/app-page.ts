import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Locator, Page } from "playwright-core";
import { expect } from "vitest";
import type { EngineName } from "./open-app.js";
import { SCREENSHOTS, type Kind } from "./screenshots-page.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));

/** Generating on a busy processor. */
const PATIENCE = { timeout: 240_000 };

/** Pixels of an image of the page. */
export interface ShownPixels {
  readonly width: number;
  readonly height: number;
  /** Rows of RGB bytes. */
  readonly data: readonly number[];
}

/** A link with few sampling steps: an image takes a few seconds. */
export function linkWith(parameters: Readonly<Record<string, string | number>>): string {
  const few = { "prior.steps": 4, "unet1.steps": 6, "unet2.steps": 2, seed: 1, model: "shapes" };
  const entries = Object.entries({ ...few, ...parameters }).map(([name, value]) => [name, String(value)]);
  return `#${new URLSearchParams(entries).toString()}`;
}

/** The app as a person uses it: by roles and labels. */
export class AppPage {
  /** `engine` is in the names of screenshots. */
  constructor(
    readonly page: Page,
    private readonly engine: EngineName = "browser",
  ) {}

  async openTab(name: string): Promise<void> {
    await this.page.getByRole("tab", { name }).click();
  }

  /** The button that starts a job. */
  get generateButton(): Locator {
    return this.page.getByRole("button", { name: "Generate", exact: true });
  }

  /** The jobs and images below the stage, newest first. */
  get tiles(): Locator {
    return this.page.getByRole("navigation", { name: "Images" }).getByRole("button");
  }

  /** Presses Generate and waits until the job is over. */
  async generate(): Promise<void> {
    // A click right after the button has changed does nothing.
    await this.page.waitForTimeout(400);
    const before = await this.tiles.count();
    await this.generateButton.click();
    // A short job is over before its Cancel is seen.
    await this.tiles.nth(before).waitFor(PATIENCE);
    await this.generateButton.waitFor(PATIENCE);
  }

  /** The kept images that the stage shows. */
  get stageImages(): Locator {
    return this.page.getByRole("region", { name: "Stage" }).locator("img");
  }

  /** The image that the stage shows, once it is kept. */
  async stageImage(name: RegExp): Promise<ShownPixels> {
    const image = this.stageImages.and(this.page.getByRole("img", { name })).first();
    await image.waitFor(PATIENCE);
    return pixelsOf(image);
  }

  /** Runs one of the actions for the image of the stage. */
  async act(name: string): Promise<void> {
    await this.page.getByRole("group", { name: "Actions for the image" }).getByRole("button", { name }).click();
  }

  /** Drops a file of the repository, or bytes, on the page. */
  async drop(name: string, bytes: Uint8Array | string): Promise<void> {
    const content = typeof bytes === "string" ? await readFile(join(root, bytes)) : bytes;
    const transfer = await this.page.evaluateHandle(
      ({ name, content }) => {
        const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(content)], name, { type: "image/png" }));
        return data;
      },
      { name, content: [...content] },
    );
    for (const type of ["dragover", "drop"]) await this.page.dispatchEvent("body", type, { dataTransfer: transfer });
  }

  async screenshot(kind: Kind, name: string): Promise<void> {
    const place = this.engine === "server" ? ", server" : "";
    await this.page.screenshot({ path: join(SCREENSHOTS, kind, `${name}${place}.png`) });
  }

  /** Checks the page as it is by axe. */
  async expectAccessible(what: string): Promise<void> {
    await this.page.evaluate(await axeSource());
    const violations = await this.page.evaluate(async () => {
      const { axe } = globalThis as unknown as { axe: typeof import("axe-core") };
      const { violations } = await axe.run();
      return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(" | ")}`);
    });
    expect(violations, what).toEqual([]);
  }
}

/** Its script is run by the debugger: the page's Content-Security-Policy stays as it is. */
function axeSource(): Promise<string> {
  return readFile(join(root, "node_modules/axe-core/axe.min.js"), "utf8");
}

/** Pixels of an `<img>`, in the size of its file. */
export function pixelsOf(image: Locator): Promise<ShownPixels> {
  return image.evaluate(async (element) => {
    const shown = element as HTMLImageElement;
    await shown.decode();
    const { naturalWidth: width, naturalHeight: height } = shown;
    const context = new OffscreenCanvas(width, height).getContext("2d")!;
    context.drawImage(shown, 0, 0);
    const { data } = context.getImageData(0, 0, width, height);
    return { width, height, data: [...data].filter((_, i) => i % 4 < 3) };
  });
}
