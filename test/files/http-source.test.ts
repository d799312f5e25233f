import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { openRanges, openUrl } from "../../src/files/http.js";
import { LargeReads } from "../../src/files/large-reads.js";
import { MemorySource } from "../../src/platform/source.js";
import { isUrl, openSource, resolveBeside } from "../../src/files/open.js";

const url = "https://example.org/model.pth";
const content = Uint8Array.from({ length: 300 }, (_, i) => i % 256);

type Change = (range: [start: number, end: number], headers: Headers) => Response | undefined;

/** A server of `content` with range requests. A test may change one response. */
function server(change: Change = () => undefined): { fetch: typeof fetch; ranges: string[] } {
  const ranges: string[] = [];
  const answer = (_: unknown, init?: RequestInit): Promise<Response> => {
    const header = new Headers(init?.headers).get("range") ?? "";
    ranges.push(header);
    const [, start, last] = /^bytes=(\d+)-(\d+)$/.exec(header) ?? [];
    const end = Math.min(Number(last) + 1, content.length);
    const headers = new Headers({ "content-range": `bytes ${start}-${end - 1}/${content.length}`, etag: '"1"' });
    const changed = change([Number(start), end], headers);
    return Promise.resolve(changed ?? new Response(content.slice(Number(start), end), { status: 206, headers }));
  };
  return { fetch: answer, ranges };
}

/** Without what is read ahead: each read is a request. */
async function openExact(options: { readonly fetch: typeof fetch }) {
  return (await openRanges(url, options, 1)).source;
}

describe("an HTTP source", () => {
  it("asks for the beginning, then for exactly the bytes that are read", async () => {
    const { fetch, ranges } = server();
    const source = await openExact({ fetch });
    expect(source.size).toBe(300);
    expect(await source.read(10, 20)).toEqual(content.slice(10, 30));
    expect(await source.read(300, 0)).toHaveLength(0);
    expect(ranges).toEqual(["bytes=0-0", "bytes=10-29"]);
  });

  it("opens an empty file", async () => {
    const empty = new Response(null, { status: 416, headers: { "content-range": "bytes */0" } });
    const source = await openUrl(url, { fetch: server(() => empty).fetch });
    expect(source.size).toBe(0);
  });

  const failures: readonly (readonly [string, Change, RegExp])[] = [
    ["a missing file", () => new Response("", { status: 404 }), /HTTP status 404/],
    ["a hidden Content-Range", () => new Response(content.slice(0, 1), { status: 206 }), /no Content-Range header/],
  ];
  it.each(failures)("refuses %s", async (_, change, message) => {
    await expect(openUrl(url, { fetch: server(change).fetch })).rejects.toThrow(message);
  });

  const readFailures: readonly (readonly [string, Change, RegExp])[] = [
    ["the whole file", () => new Response(content), /status 200 to a range request/],
    [
      "too few bytes",
      (_, headers) => new Response(content.slice(0, 3), { status: 206, headers }),
      /after 3 of 20 bytes/,
    ],
    ["too many bytes", (_, headers) => new Response(content, { status: 206, headers }), /more than the 20 bytes/],
    [
      "another range",
      (_, headers) => {
        headers.set("content-range", "bytes 11-30/300");
        return new Response(content.slice(11, 31), { status: 206, headers });
      },
      /sent bytes 11 to 31, not 10 to 30/,
    ],
    [
      "another version",
      (_, headers) => {
        headers.set("etag", '"2"');
        return new Response(content.slice(10, 30), { status: 206, headers });
      },
      /changed on the server/,
    ],
  ];
  it.each(readFailures)("refuses an answer with %s", async (_, change, message) => {
    const { fetch } = server((range, headers) => (range[0] === 10 ? change(range, headers) : undefined));
    const source = await openExact({ fetch });
    await expect(source.read(10, 20)).rejects.toThrow(message);
  });

  it("reports a connection that breaks off by its address", async () => {
    const { fetch } = server((range, headers) => {
      if (range[0] !== 10) return undefined;
      const body = new ReadableStream({
        pull(controller) {
          controller.error(new TypeError("terminated"));
        },
      });
      return new Response(body, { status: 206, headers });
    });
    const source = await openExact({ fetch });
    await expect(source.read(10, 20)).rejects.toThrow(`${url}: the connection broke; try again`);
  });

  it("reports an unreachable server by its address, and an abort as the abort", async () => {
    const fetch = () => Promise.reject(new TypeError("fetch failed"));
    await expect(openUrl(url, { fetch })).rejects.toThrow(`${url}: the server could not be reached`);
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(openUrl(url, { fetch, signal })).rejects.toThrow("enough");
  });
});

const MEBIBYTE = 2 ** 20;

/** A file of `size` bytes whose reads are counted. The first `known` bytes are known. */
function largeReads(size: number, known: number) {
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i += 997) bytes[i] = i % 251;
  const memory = new MemorySource(bytes);
  const reads: [offset: number, length: number][] = [];
  const counted = {
    name: memory.name,
    size,
    read: (offset: number, length: number, signal?: AbortSignal) => {
      reads.push([offset, length]);
      return memory.read(offset, length, signal);
    },
    close: () => memory.close(),
  };
  return { bytes, reads, source: new LargeReads(counted, bytes.slice(0, known)) };
}

describe("large reads", () => {
  it("fetch the rest of a small file at once, for all reads at the same time", async () => {
    const { bytes, reads, source } = largeReads(MEBIBYTE, 1000);
    expect(await source.read(10, 990)).toEqual(bytes.slice(10, 1000));
    expect(reads).toEqual([]);
    const places = Array.from({ length: 50 }, (_, i) => (i * 7919 * 131) % (MEBIBYTE - 5000));
    const parts = await Promise.all(places.map((offset) => source.read(offset, 5000)));
    expect(parts).toEqual(places.map((offset) => bytes.slice(offset, offset + 5000)));
    expect(reads).toEqual([[1000, MEBIBYTE - 1000]]);
    await expect(source.read(MEBIBYTE - 1, 2)).rejects.toThrow(/were requested/);
  });

  it("continue a large file in growing pieces, and fetch no more than is read elsewhere", async () => {
    const { bytes, reads, source } = largeReads(80 * MEBIBYTE, MEBIBYTE);
    expect(await source.read(70 * MEBIBYTE, 100)).toEqual(bytes.slice(70 * MEBIBYTE, 70 * MEBIBYTE + 100));
    expect(reads.splice(0)).toEqual([[70 * MEBIBYTE, 100]]);
    const step = MEBIBYTE / 4;
    for (let offset = MEBIBYTE; offset < 60 * MEBIBYTE; offset += step) {
      const part = await source.read(offset, step);
      expect(Buffer.compare(part, bytes.subarray(offset, offset + step))).toBe(0);
    }
    expect(reads.length).toBeLessThanOrEqual(10);
    expect(Math.max(...reads.map(([, length]) => length))).toBeLessThanOrEqual(16 * MEBIBYTE + step);
  });

  it("end for whoever aborts, and not for others", async () => {
    const { bytes, source } = largeReads(MEBIBYTE, 0);
    const abort = new AbortController();
    const [first, second] = [source.read(0, 10, abort.signal), source.read(5, 10)];
    abort.abort(new Error("enough"));
    await expect(first).rejects.toThrow("enough");
    expect(await second).toEqual(bytes.slice(5, 15));
  });

  it("try again after a failure", async () => {
    const memory = new MemorySource(content);
    let failures = 1;
    const read: MemorySource["read"] = (...given) =>
      failures-- > 0 ? Promise.reject(new Error("broken")) : memory.read(...given);
    const source = new LargeReads({ name: "a", size: 300, read, close: () => memory.close() }, new Uint8Array(0));
    await expect(source.read(1, 2)).rejects.toThrow("broken");
    expect(await source.read(1, 2)).toEqual(content.slice(1, 3));
  });
});

describe("a server without range requests", () => {
  it("sends the whole file once", async () => {
    let requests = 0;
    const fetch = () => {
      requests++;
      return Promise.resolve(new Response(content));
    };
    const source = await openUrl(url, { fetch });
    expect([source.size, source.name, source.address]).toEqual([300, url, url]);
    expect(await source.read(10, 20)).toEqual(content.slice(10, 30));
    expect(await source.read(290, 10)).toEqual(content.slice(290));
    expect(requests).toBe(1);
    await source.close();
  });

  it("may send more than fits into memory, which is a temporary file", async () => {
    const block = new Uint8Array(MEBIBYTE).map((_, i) => i % 253);
    let blocks = 0;
    const body = new ReadableStream({
      pull(controller) {
        if (blocks++ < 70) controller.enqueue(block);
        else controller.close();
      },
    });
    const folder = mkdtempSync(join(tmpdir(), "dalle2-whole-"));
    vi.stubEnv("DALLE2_CACHE", folder);
    try {
      const source = await openUrl(url, { fetch: () => Promise.resolve(new Response(body)) });
      expect([source.size, source.name]).toEqual([70 * MEBIBYTE, url]);
      expect(await source.read(69 * MEBIBYTE + 7, 500)).toEqual(block.slice(7, 507));
      expect(readdirSync(folder)).toHaveLength(1);
      await source.close();
      expect(readdirSync(folder)).toEqual([]);
    } finally {
      vi.unstubAllEnvs();
      rmSync(folder, { recursive: true });
    }
  });
});

describe("locations", () => {
  it("are opened as URLs or as paths", async () => {
    expect([isUrl(url), isUrl("HTTP://a/b"), isUrl("c:/models/a.pth"), isUrl("https.pth")]).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect((await openSource(url, { fetch: server().fetch })).name).toBe(url);
    await expect(openSource("no/such/file.pth")).rejects.toThrow(/no such file/);
  });

  it("may be files that a user picked or dropped", async () => {
    const file = new File([content], "model.pth");
    const handle = { kind: "file", name: file.name, getFile: () => Promise.resolve(file) } as const;
    for (const given of [file, handle]) {
      const source = await openSource(given);
      expect([source.name, source.size]).toEqual(["model.pth", 300]);
      expect(await source.read(7, 5)).toEqual(content.slice(7, 12));
    }
  });

  it("are resolved beside the file that names them", () => {
    expect(resolveBeside("configs/shapes.json", "shapes/clip.safetensors")).toBe("configs/shapes/clip.safetensors");
    expect(resolveBeside("https://example.org/a/config.json?x=1", "../b.pth")).toBe("https://example.org/b.pth");
    expect(resolveBeside("configs/shapes.json", "/models/b.pth")).toBe("/models/b.pth");
    expect(resolveBeside("configs/shapes.json", url)).toBe(url);
  });
});
