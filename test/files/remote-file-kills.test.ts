// Processes that are killed at any time, several at once: a file is always complete under its final name.
import { createHash } from "node:crypto";
import { once, EventEmitter } from "node:events";
import { existsSync } from "node:fs";
import { cp, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, type TestContext } from "vitest";
import { openRemote } from "../../src/files/remote-file.js";
import type { RemoteFile } from "../../src/files/remote-options.js";
import { drip, FaultServer } from "../support/fault-server.js";
import { bundleFetching, Fetching } from "../support/fetching.js";

// 200 in total, half of them for each kind of file.
const KILLS = 100;
const LENGTH = 400_003;
const PATH = "/model.pth";
const SUMS = "/sums";
const filename = "model.pth";

let scripts: string;
let script: string;
let killingScript: string;

beforeAll(async () => {
  scripts = await mkdtemp(join(tmpdir(), "fetching-"));
  script = await bundleFetching(scripts, "src/platform/node.ts");
  killingScript = await bundleFetching(scripts, "test/support/killing-platform.ts");
});

afterAll(async () => {
  await rm(scripts, { recursive: true });
});

/** A server with one file that gets new versions, and a folder for the download. */
class Publisher {
  readonly #versions = new Map<string, Uint8Array>();
  /** "sent", with the fraction of the response that was sent. */
  readonly events = new EventEmitter();
  isSlow = true;
  current = "";

  private constructor(
    readonly server: FaultServer,
    readonly folder: string,
    readonly hasChecksum: boolean,
  ) {
    server.choose = ({ range }, path) => {
      const isTransfer = path === PATH && range !== "bytes=0-0";
      if (!this.isSlow || !isTransfer) return undefined;
      return drip(16_384, 4, (share) => this.events.emit("sent", share));
    };
    this.publish(LENGTH);
  }

  /** Until the test is finished. */
  static async open({ onTestFinished }: TestContext, hasChecksum: boolean): Promise<Publisher> {
    const publisher = new Publisher(await FaultServer.start(), await mkdtemp(join(tmpdir(), "kept-")), hasChecksum);
    onTestFinished(() => publisher.close());
    return publisher;
  }

  publish(length: number): void {
    const version = this.#versions.size + 1;
    const content = Uint8Array.from({ length }, (_, i) => (i * (2 * version + 1)) % 251);
    this.current = createHash("sha256").update(content).digest("hex");
    this.#versions.set(this.current, content);
    this.server.files.set(PATH, { content, ...(!this.hasChecksum && { etag: `"${version}"` }) });
    this.server.files.set(SUMS, { content: Buffer.from(`${this.current}  model.pth\n`) });
  }

  file(folder = this.folder): RemoteFile {
    const checksumUrl = this.hasChecksum ? this.server.url(SUMS) : undefined;
    return { url: this.server.url(PATH), folder, filename, checksumUrl };
  }

  /** Fails unless the file is missing or one of the versions, complete. */
  async expectNothingWrong(): Promise<void> {
    if (!existsSync(join(this.folder, filename))) return;
    const bytes = await readFile(join(this.folder, filename));
    const found = createHash("sha256").update(bytes).digest("hex");
    expect([...this.#versions.keys()], `of ${bytes.length} bytes`).toContain(found);
  }

  /** Whether all bytes of the current version are there, under any name. */
  async #isThere(): Promise<boolean> {
    const names = await readdir(this.folder);
    const contents = await Promise.all(names.map((name) => readFile(join(this.folder, name))));
    return contents.some((bytes) => createHash("sha256").update(bytes).digest("hex") === this.current);
  }

  /** Fails unless a run that starts from a copy of the folder gives the current version, without another download if that is there. */
  async expectNextRunSucceeds(): Promise<void> {
    const copy = `${this.folder}-copy`;
    await cp(this.folder, copy, { recursive: true, preserveTimestamps: true });
    const [isThere, before] = [await this.#isThere(), this.server.transfers(PATH).length];
    this.isSlow = false;
    const warnings: string[] = [];
    const onWarning = (message: string): void => void warnings.push(message);
    const source = await openRemote(this.file(copy), { patience: { attempts: 1 }, onWarning });
    this.isSlow = true;
    // Nothing that a kill leaves is taken for damage.
    expect(warnings.filter((one) => one.includes("damaged"))).toEqual([]);
    if (isThere) expect(this.server.transfers(PATH)).toHaveLength(before);
    const bytes = await source.read(0, source.size);
    await source.close();
    expect(createHash("sha256").update(bytes).digest("hex")).toBe(this.current);
    const aside = this.hasChecksum ? [`${filename}.checksum`] : [];
    // A process that is killed while it writes a record leaves a temporary file.
    const names = (await readdir(copy)).filter((name) => !name.endsWith(".tmp"));
    expect(names.sort()).toEqual([filename, ...aside, `${filename}.record.json`]);
    await rm(copy, { recursive: true });
  }

  async close(): Promise<void> {
    await this.server.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** A fraction of the response, or a time after all of it, when the file is verified and moved. */
function randomMoment(): { readonly share: number; readonly delay: number } {
  const share = 1.3 * Math.random();
  return share < 1 ? { share, delay: 4 * Math.random() } : { share: 1, delay: 60 * Math.random() };
}

// In parallel, because starting processes takes most of the time.
describe.concurrent.each([
  ["with a checksum", true],
  ["with an ETag alone", false],
])("a file %s", (_, hasChecksum) => {
  it(`is whole after each of ${KILLS} kills at random moments`, async (context) => {
    const publisher = await Publisher.open(context, hasChecksum);
    let next = new Fetching(script, publisher.file());
    let kills = 0;
    let partial = 0;
    while (kills < KILLS) {
      const fetching = next;
      const moment = randomMoment();
      publisher.events.removeAllListeners().on("sent", (share: number) => {
        if (share < moment.share) return;
        setTimeout(() => {
          fetching.kill();
        }, moment.delay);
      });
      await fetching.begin();
      // The next process starts meanwhile, so that it is ready when this one is dead.
      next = new Fetching(script, publisher.file());
      const end = await fetching.end();
      await publisher.expectNothingWrong();
      if ("signal" in end) {
        kills++;
        if ((await readdir(publisher.folder)).some((name) => name.endsWith(".part"))) partial++;
        await publisher.expectNextRunSucceeds();
      } else {
        expect(end.sha256).toBe(publisher.current);
        publisher.publish(LENGTH);
      }
    }
    next.kill();
    await next.end();
    // Otherwise the times were not during a download.
    expect(partial).toBeGreaterThan(KILLS / 4);
  }, 300_000);

  it("is whole after a kill before each change of a file in an update", async (context) => {
    const publisher = await Publisher.open(context, hasChecksum);
    publisher.isSlow = false;
    const killedBefore = (change: number) =>
      new Fetching(killingScript, publisher.file(), { KILL_BEFORE: String(change) });
    let next = killedBefore(0);
    let changes = 0;
    for (; ; changes++) {
      const fetching = next;
      await rm(publisher.folder, { recursive: true });
      await (await openRemote(publisher.file())).close();
      publisher.publish(50_000);
      await fetching.begin();
      next = killedBefore(changes + 1);
      const end = await fetching.end();
      await publisher.expectNothingWrong();
      await publisher.expectNextRunSucceeds();
      if ("sha256" in end) break;
    }
    next.kill();
    await next.end();
    // Beginning a part, writing it, recording, moving and cleaning up all occur.
    expect(changes).toBeGreaterThan(10);
  }, 300_000);

  it("is fetched by four processes at the same time, one of which is killed", async (context) => {
    const publisher = await Publisher.open(context, hasChecksum);
    const fetchings = Array.from({ length: 4 }, () => new Fetching(script, publisher.file()));
    await Promise.all(fetchings.map((one) => one.begin()));
    await once(publisher.events, "sent");
    fetchings[0]!.kill();
    const ends = await Promise.all(fetchings.map((one) => one.end()));
    expect(ends.slice(1)).toEqual(Array.from({ length: 3 }, () => ({ sha256: publisher.current })));
    await publisher.expectNothingWrong();
    await publisher.expectNextRunSucceeds();
  }, 60_000);
});
