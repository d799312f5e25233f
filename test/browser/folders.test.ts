// Folders that a user picked or dropped, in real browsers, which have no other way to the files of a disk.
import { readdir } from "node:fs/promises";
import { resolve } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type * as Api from "../../src/index.js";
import { inEachBrowser } from "./browsers.js";
import { chromiumPath, launchChromium } from "./chromium.js";
import { bundleTests, openTests, type OpenTests } from "./open-tests.js";
import { servePage, type ServedPage } from "./page-server.js";

declare global {
  // page.ts sets this in the browser.
  var api: typeof Api;
}

/** The files of a fixture's folder, by their paths in it. */
async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(`test/fixtures/${folder}`, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && !entry.name.startsWith("io."));
  return files.map(({ parentPath, name }) => `${parentPath}/${name}`.split(`${folder}/`)[1]!);
}

const LOADED = {
  pipeline: { source: "pipeline/load_config.json", prior: "DALLE2-pytorch", unets: 2 },
  model: { source: "model", prior: "Karlo", unets: 2 },
};

inEachBrowser("handles of folders", (known) => {
  let tests: OpenTests;

  beforeAll(async () => {
    tests = await openTests(known);
  });

  afterAll(() => tests.close());

  it("give a load config or a folder of models, in the page and in a worker", async () => {
    const folders = {
      pipeline: await filesIn("pipeline"),
      "karlo-text-to-image/model": await filesIn("karlo-text-to-image/model"),
    };
    const loaded = await tests.page.evaluate(async (folders) => {
      const client = api.createWorkerClient();
      const results: Record<string, unknown> = {};
      for (const [from, files] of Object.entries(folders)) {
        const name = from.split("/").at(-1)!;
        const root = await (await navigator.storage.getDirectory()).getDirectoryHandle(name, { create: true });
        for (const path of files) {
          const parts = path.split("/");
          const last = parts.pop()!;
          let folder = root;
          for (const part of parts) folder = await folder.getDirectoryHandle(part, { create: true });
          const stream = await (await folder.getFileHandle(last, { create: true })).createWritable();
          await stream.write(await (await fetch(`/fixtures/${from}/${path}`)).arrayBuffer());
          await stream.close();
        }
        const onWarning = (): void => undefined;
        const managers = [
          await api.DalleModelManager.create(root, { onWarning }),
          await client.open(root, { onWarning }),
        ];
        results[name] = await Promise.all(
          managers.map(async (manager) => {
            // Reads all weights, and compiles nothing.
            await manager.loadEachComponent();
            const { config, prior, decoder } = manager;
            manager.dispose();
            return { source: config.source, prior: prior!.family, unets: decoder!.unets.length };
          }),
        );
      }
      client.dispose();
      return results;
    }, folders);
    expect(loaded).toEqual(Object.fromEntries(Object.entries(LOADED).map(([name, one]) => [name, [one, one]])));
    expect(tests.page.errors).toEqual([]);
  });

  it("are what messages in a page advise, instead of a working directory", async () => {
    const messages = await tests.page.evaluate(async () => {
      const from = { load_model_from: { load_type: "local", path: "none.pth" } };
      const config = api.ModelLoadConfig.parse({ prior: from });
      const calls = [config.openFile(config.data.prior!.load_model_from), api.ModelLoadConfig.open("none.json")];
      return Promise.all(calls.map((call) => call.then(String, (error: unknown) => (error as Error).message)));
    }, undefined);
    expect(messages[0]).toContain("none.pth: there is no such file in this site's private file system");
    expect(messages[1]).toContain("none.json: there is no such file");
    for (const message of messages) expect(message).toContain("or a file or folder that the user picked or dropped");
  });
});

// Skipped if there is no browser, unless REQUIRE_BROWSER is set.
describe.skipIf(!chromiumPath && !process.env.REQUIRE_BROWSER)("folders of the disk in Chromium", () => {
  let browser: Browser;
  let served: ServedPage;
  let page: Page;

  beforeAll(async () => {
    if (!chromiumPath) throw new Error("No Chromium found: install the package chromium or set CHROMIUM.");
    browser = await launchChromium(chromiumPath);
    served = await servePage(await bundleTests());
    page = await browser.newPage();
    await page.goto(served.url);
    await page.waitForFunction(() => "tests" in globalThis);
  });

  afterAll(async () => {
    await browser.close();
    served.server.close();
  });

  it("are picked by an input, and read in the page and in a worker", async () => {
    await page.evaluate(() => {
      document.body.innerHTML = "<input type=file webkitdirectory>";
    });
    await page.setInputFiles("input", resolve("test/fixtures/pipeline"));
    const sources = await page.evaluate(async () => {
      const { files } = document.querySelector("input")!;
      const client = api.createWorkerClient();
      const config = await api.ModelLoadConfig.open(files!);
      const plan = await client.planMemory(files!, { dtype: "f32", batchSize: 1 });
      const inspection = await client.inspect({ folder: files!, path: "decoder.safetensors" });
      client.dispose();
      return [config.source, plan.components.length, inspection.format];
    });
    expect(sources).toEqual(["pipeline/load_config.json", 5, "safetensors"]);
  });

  it("are dropped on the page, and read in the page and in a worker", async () => {
    await page.evaluate(() => {
      const dropped = new Promise<DataTransfer>((resolve) => {
        document.body.style.height = "100vh";
        document.ondragover = (event) => {
          event.preventDefault();
        };
        document.ondrop = (event) => {
          event.preventDefault();
          Object.assign(globalThis, { folder: api.droppedFolder(event.dataTransfer!) });
          resolve(event.dataTransfer!);
        };
      });
      Object.assign(globalThis, { dropped });
    });
    const session = await page.context().newCDPSession(page);
    const data = { items: [], files: [resolve("test/fixtures/karlo-text-to-image/model")], dragOperationsMask: 1 };
    for (const type of ["dragEnter", "dragOver", "drop"] as const) {
      await session.send("Input.dispatchDragEvent", { type, x: 50, y: 50, data });
    }
    const loaded = await page.evaluate(async () => {
      const given = globalThis as unknown as { dropped: Promise<unknown>; folder: Promise<Api.GivenFolder> };
      await given.dropped;
      const folder = await given.folder;
      const client = api.createWorkerClient();
      const { source } = await api.ModelLoadConfig.open(folder);
      const { components } = await client.planMemory(folder, { dtype: "f32", batchSize: 1 });
      client.dispose();
      return { source, components: components.length };
    });
    expect(loaded).toEqual({ source: "model", components: 5 });
  });
});
