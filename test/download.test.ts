import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openPublished } from "../src/files/download.js";
import { Sha256 } from "../src/files/sha256.js";

// More than one part of a download, and no whole number of them.
const content = Uint8Array.from({ length: 2 ** 23 + 1001 }, (_, i) => (i * 31) % 251);
const sha256 = createHash("sha256").update(content).digest("hex");

let server: Server;
let folder: string;
let ranges: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "download-"));
  ranges = [];
  server = createServer((request, response) => {
    const { range = "" } = request.headers;
    ranges.push(range);
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(range)!;
    response.writeHead(206, { "Content-Range": `bytes ${first}-${last}/${content.length}` });
    response.end(content.subarray(Number(first), Number(last) + 1));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
});

afterEach(async () => {
  server.close();
  await rm(folder, { recursive: true });
});

function url(): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/models/ViT.pt`;
}

describe("a published file", () => {
  it("is downloaded once, and opened from the cache from then on", async () => {
    const fetched: number[] = [];
    const onProgress = (bytes: number) => fetched.push(bytes);
    const first = await openPublished({ url: url(), sha256 }, { folder, onProgress });
    expect(Buffer.compare(await first.read(0, first.size), content)).toBe(0);
    await first.close();
    expect(ranges).toEqual(["bytes=0-0", `bytes=0-${2 ** 23 - 1}`, `bytes=${2 ** 23}-${content.length - 1}`]);
    expect(fetched).toEqual([2 ** 23, content.length]);
    const second = await openPublished({ url: url(), sha256 }, { folder });
    await second.close();
    expect(ranges).toHaveLength(3);
    expect(await readdir(folder)).toEqual([`${sha256}-ViT.pt`]);
  });

  it("is refused where its hash is another, and leaves nothing in the cache", async () => {
    const other = "0".repeat(64);
    await expect(openPublished({ url: url(), sha256: other }, { folder })).rejects.toThrow(
      `${url()}: its SHA-256 is ${sha256}, not ${other}`,
    );
    expect(await readdir(folder)).toEqual([]);
  });
});

describe("SHA-256", () => {
  // Lengths around those where the padding takes another block.
  it.each([0, 1, 55, 56, 63, 64, 65, 119, 120, 1000])("of %i bytes in two parts is Node's", (length) => {
    const bytes = content.subarray(0, length);
    const hash = new Sha256();
    hash.update(bytes.subarray(0, length >> 1));
    hash.update(bytes.subarray(length >> 1));
    expect(hash.digest()).toBe(createHash("sha256").update(bytes).digest("hex"));
  });
});
