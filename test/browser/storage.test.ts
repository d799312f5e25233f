import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { PIECE_BYTES } from "../../src/files/pieces.js";
import type * as Api from "../../src/index.js";
import { FaultServer, holdAfter, stallAfter } from "../support/fault-server.js";
import { hole, sparseTorchZip } from "../support/torch-file.js";
import { inEachBrowser } from "./browsers.js";
import { openTestPage, openTests, type OpenTests } from "./open-tests.js";
import { bundleForBrowser } from "./page-server.js";
import type { TestPage } from "./test-browser.js";

declare global {
  // page.ts sets this in the browser.
  var api: typeof Api;
  // Set by the tests in the browser.
  var held: { close(): Promise<void> } | undefined;
  // What a worker has told.
  var told: Readonly<Record<string, unknown>>[] | undefined;
}

/** Two pieces. */
const content = new Uint8Array(randomBytes(PIECE_BYTES + 300_000));
const sha256 = createHash("sha256").update(content).digest("hex");
const FOLDER = "models";

interface Opened {
  readonly sha256?: string;
  readonly error?: { readonly code: string; readonly message: string; readonly neededBytes?: number };
  readonly warnings: readonly string[];
}

inEachBrowser("storage", (known) => {
  let tests: OpenTests;
  let server: FaultServer;
  let page: TestPage;

  beforeAll(async () => {
    const worker = await bundleForBrowser("test/browser/storage-worker.ts");
    const scripts = { "storage-worker.js": worker.outputFiles[0]!.text };
    [tests, server] = await Promise.all([openTests(known, scripts), FaultServer.start()]);
    page = tests.page;
    server.files.set("/model.pth", { content, etag: '"1"' });
  });

  afterAll(async () => {
    await tests.close();
    await server.close();
  });

  beforeEach(() => {
    server.requests.length = 0;
    server.choose = () => undefined;
  });

  const remote = (path = "/model.pth") => ({ url: server.url(path), filename: path.slice(1), folder: FOLDER });
  const ranges = () => server.transfers("/model.pth").map(({ range }) => range);

  /** Opens a file in a tab and reads it whole. With `hold` it stays open. */
  function open(tab = page, file = remote(), hold = false): Promise<Opened> {
    return tab.evaluate(
      async ([file, hold]) => {
        const warnings: string[] = [];
        const options = { patience: { attempts: 1 }, onWarning: (message: string) => warnings.push(message) };
        try {
          const source = await api.openRemote(file, options);
          const digest = await crypto.subtle.digest("SHA-256", await source.read(0, source.size));
          if (hold) globalThis.held = source;
          else await source.close();
          return {
            sha256: Array.from(new Uint8Array(digest), (x) => x.toString(16).padStart(2, "0")).join(""),
            warnings,
          };
        } catch (error) {
          const { code, message, neededBytes } = error as Api.QuotaError;
          return { error: { code, message, neededBytes }, warnings };
        }
      },
      [file, hold] as const,
    );
  }

  /** Changes a byte of the kept file. If `isHidden`, its record is of the new time, as if the disk had changed it. */
  function damage(at: number, isHidden: boolean): Promise<void> {
    return page.evaluate(
      async ([at, isHidden, name]) => {
        const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle(name);
        const handle = await folder.getFileHandle("model.pth");
        const [byte] = new Uint8Array(await (await handle.getFile()).slice(at, at + 1).arrayBuffer());
        const writable = await handle.createWritable({ keepExistingData: true });
        await writable.write({ type: "write", position: at, data: Uint8Array.of(byte! ^ 1) });
        await writable.close();
        if (!isHidden) return;
        const beside = await folder.getFileHandle("model.pth.record.json");
        const record = JSON.parse(await (await beside.getFile()).text()) as object;
        const changed = await beside.createWritable();
        await changed.write(JSON.stringify({ ...record, modified: (await handle.getFile()).lastModified }));
        await changed.close();
      },
      [at, isHidden, FOLDER] as const,
    );
  }

  it("a worker writes in place: ended in the middle of a download, it has lost nothing", async () => {
    server.spoil(stallAfter(5_000_000));
    const [part] = await page.evaluate(async (file) => {
      const worker = new Worker("/storage-worker.js", { type: "module" });
      worker.postMessage(file);
      for (;;) {
        const entries = await api.listCache(file.folder);
        if (entries.some(({ bytes, isInUse }) => bytes >= 4_000_000 && isInUse)) break;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      worker.terminate();
      return api.listCache(file.folder);
    }, remote());
    expect(part).toMatchObject({ isComplete: false, totalBytes: content.length });
    const end = await page.evaluate(async (file) => {
      const worker = new Worker("/storage-worker.js", { type: "module" });
      const answer = new Promise((resolve) => {
        worker.onmessage = ({ data }) => {
          resolve(data);
        };
        worker.onerror = ({ message }) => {
          resolve(message);
        };
      });
      worker.postMessage(file);
      const end = await answer;
      worker.terminate();
      return end;
    }, remote());
    expect(end).toEqual({ size: content.length });
    const [, second] = ranges();
    expect(Number(/^bytes=(\d+)-$/.exec(second!)![1])).toBeGreaterThanOrEqual(part!.bytes);
  });

  it("a worker reads a file while it is downloaded, before its last bytes are sent, and it is kept", async () => {
    let release = (): void => undefined;
    const sent = new Promise<void>((resolve) => {
      release = resolve;
    });
    server.files.set("/early.pth", { content, etag: '"1"' });
    server.spoil(holdAfter(content.length - 1, sent));
    const begun = page.evaluate(
      (file) =>
        new Promise((resolve) => {
          globalThis.told = [];
          const worker = new Worker("/storage-worker.js", { type: "module" });
          worker.onmessage = ({ data }: MessageEvent<Record<string, unknown>>) => {
            globalThis.told!.push(data);
            resolve(Object.keys(data));
          };
          worker.postMessage({ ...file, readsEarly: true });
        }),
      remote("/early.pth"),
    );
    expect(await begun).toEqual(["first"]);
    release();
    const told = await page.evaluate(async () => {
      while (globalThis.told!.length < 3) await new Promise((resolve) => setTimeout(resolve, 20));
      const plain = (value: unknown): unknown => (value instanceof Uint8Array ? [...value] : value);
      return globalThis.told!.flatMap((one) => Object.values(one).map(plain));
    }, undefined);
    expect(told).toEqual([[...content.subarray(0, 1000)], [...content.subarray(-1000)], content.length]);
    const entries = await page.evaluate((folder) => api.listCache(folder), FOLDER);
    expect(entries.find(({ name }) => name === "early.pth")).toMatchObject({ isComplete: true, bytes: content.length });
    expect(server.transfers("/early.pth")).toHaveLength(1);
    await page.evaluate((folder) => api.clearCache(folder, ({ name }) => name === "early.pth"), FOLDER);
  });

  it("a page without a worker reads it once it is written", async () => {
    server.files.set("/page.pth", { content, etag: '"1"' });
    const file = remote("/page.pth");
    const read = await page.evaluate(async (file) => {
      const source = await api.openRemote(file, { onWarning: () => undefined, early: true });
      const [byte] = await source.read(source.size - 1, 1);
      await source.complete!();
      await source.close();
      await api.clearCache(file.folder, ({ name }) => name === "page.pth");
      return byte;
    }, file);
    expect(read).toBe(content.at(-1));
  });

  it("a reload finds the download, and does not need the network", async () => {
    await openTestPage(page, tests.url);
    await page.setOffline(true);
    const { sha256: found, warnings } = await open();
    await page.setOffline(false);
    expect(found).toBe(sha256);
    expect(warnings.join()).toContain("Could not check for a newer version");
    expect(ranges()).toEqual([]);
  });

  it("a corrupted download is found after a reload, and fetched again", async () => {
    await damage(1000, false);
    await openTestPage(page, tests.url);
    // Where the times of files are coarse, only its content tells.
    expect(await open()).toEqual({ sha256, warnings: [expect.stringMatching(/was damaged or changed|are damaged/)] });
    expect(ranges()).toHaveLength(1);
  });

  it("damage that its time does not show is found as it is read, and only the damaged piece is fetched", async () => {
    await damage(PIECE_BYTES + 1000, true);
    await openTestPage(page, tests.url);
    expect(await open()).toEqual({ sha256, warnings: [expect.stringContaining("are damaged; fetching them again")] });
    expect(ranges()).toEqual([`bytes=${PIECE_BYTES}-${content.length - 1}`]);
    expect(await open()).toEqual({ sha256, warnings: [] });
    expect(ranges()).toHaveLength(1);
  });

  it("a file that one tab reads is not removed or replaced by another, which says so", async () => {
    const other = await tests.browser.newPage();
    await openTestPage(other, tests.url);
    expect((await open(page, remote(), true)).sha256).toBe(sha256);
    const clear = () =>
      other.evaluate(
        (folder) =>
          api.clearCache(folder).then(
            (removed) => removed.map(({ name }) => name).join(),
            (error: unknown) => (error as Error).message,
          ),
        FOLDER,
      );
    expect(await clear()).toMatch(/model\.pth could not be removed: this page or another tab uses it/);
    const [entry] = await other.evaluate((folder) => api.listCache(folder), FOLDER);
    expect(entry!.isInUse).toBe(true);
    const newer = content.slice().reverse();
    server.files.set("/model.pth", { content: newer, etag: '"2"' });
    expect(await open(other)).toEqual({
      sha256,
      warnings: [expect.stringContaining("as long as this page or another")],
    });
    server.files.set("/model.pth", { content, etag: '"1"' });

    await page.evaluate(() => globalThis.held!.close(), undefined);
    expect(await clear()).toBe("model.pth");
    await other.close();
  });

  it("a download that does not fit is refused before its first byte, with what it needs", async () => {
    await page.evaluate(() => {
      const estimate = () => Promise.resolve({ quota: 10_000_000, usage: 9_000_000 });
      Object.defineProperty(navigator.storage, "estimate", { value: estimate, configurable: true });
    }, undefined);
    const { error } = await open();
    // A page writes to a copy, and has the file twice for a moment.
    expect(error).toMatchObject({ code: "file/quota", neededBytes: 2 * content.length });
    expect(error!.message).toContain("but there is room for 1.00 MB");
    expect(ranges()).toEqual([]);
    await openTestPage(page, tests.url);
  });

  it("a server that does not allow the page to read is told from one that is away", async () => {
    const silent = createServer((_, response) => response.end("a file"));
    await once(silent.listen(0, "127.0.0.1"), "listening");
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/x.pth`;
    const file = { url, filename: "x.pth", folder: FOLDER };
    const refused = (await open(page, file)).error!;
    expect([refused.code, refused.message]).toEqual(["file/blocked", expect.stringMatching(/\(CORS\).*Allow-Origin/)]);
    silent.closeAllConnections();
    await once(silent.close(), "close");
    const away = (await open(page, file)).error!;
    expect([away.code, away.message]).toEqual(["file/transient", expect.stringContaining("could not be reached")]);
  });

  it("a page that cannot store anything reads files from their servers", async () => {
    await page.evaluate(() => {
      const refuse = () => Promise.reject(new DOMException("no storage", "SecurityError"));
      Object.defineProperty(navigator.storage, "getDirectory", { value: refuse, configurable: true });
    }, undefined);
    expect(await open()).toEqual({ sha256, warnings: [expect.stringContaining("this page cannot store files")] });
    await openTestPage(page, tests.url);
  });

  it("a load config from a URL and the files beside it are kept, too", async () => {
    const prior = { load_model_from: { load_type: "local", path: "prior.safetensors" } };
    server.files.set("/set/config.json", { content: Buffer.from(JSON.stringify({ prior })), etag: '"c"' });
    server.files.set("/set/prior.safetensors", { content: Buffer.from("weights"), etag: '"p"' });
    const read = () =>
      page.evaluate(async (url) => {
        const options = { patience: { attempts: 1 }, onWarning: () => undefined };
        const config = await api.ModelLoadConfig.open(url, options);
        const source = await config.openFile(config.data.prior!.load_model_from, options);
        const text = new TextDecoder().decode(await source.read(0, source.size));
        await source.close();
        return text;
      }, server.url("/set/config.json"));
    expect(await read()).toBe("weights");
    // One for the config; for the file its state, and all of it.
    expect(server.requests.map((one) => one.path)).toEqual([
      "/set/config.json",
      "/set/prior.safetensors",
      "/set/prior.safetensors",
    ]);
    await openTestPage(page, tests.url);
    await page.setOffline(true);
    server.requests.length = 0;
    expect(await read()).toBe("weights");
    expect(server.requests).toEqual([]);
    await page.setOffline(false);
  });

  it("a dropped .pth of 5 GB is read by slices, in a worker", async () => {
    const size = 5000;
    const names = Array.from({ length: 50 }, (_, i) => `unets.0.mid.${i}.weight`);
    const model = Object.fromEntries(names.map((name) => [name, hole([size, size])]));
    const { parts, size: bytes } = sparseTorchZip({ version: "1.1.0", model });
    expect(bytes).toBeGreaterThan(5e9);
    const sent = parts.map((part) => [part.at, Buffer.from(part.bytes).toString("base64")] as const);
    const drop = ([parts, bytes]: readonly [readonly (readonly [number, string])[], number]) =>
      new Promise<string>((resolve) => {
        // The same zeros again and again: browsers keep them once.
        const zeros = new Blob([new Uint8Array(2 ** 24)]);
        const pieces: BlobPart[] = [];
        const fill = (length: number): void => {
          for (let left = length; left > 0; left -= zeros.size) pieces.push(zeros.slice(0, Math.min(left, zeros.size)));
        };
        let end = 0;
        for (const [at, text] of parts) {
          fill(at - end);
          const part = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
          pieces.push(part);
          end = at + part.length;
        }
        fill(bytes - end);
        const transfer = new DataTransfer();
        transfer.items.add(new File(pieces, "decoder.pth"));
        document.body.addEventListener("drop", ({ dataTransfer }) => {
          const client = api.createWorkerClient();
          void client
            .inspect(dataTransfer!.files[0]!)
            .then(({ format, parameters }) => `${format} ${parameters}`, String)
            .then((text) => {
              client.dispose();
              resolve(text);
            });
        });
        document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer }));
      });
    expect(await page.evaluate(drop, [sent, bytes] as const)).toBe(`torch ${50 * size * size}`);
  });
});
