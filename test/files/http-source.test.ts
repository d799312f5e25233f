import { describe, expect, it } from "vitest";
import { openUrl } from "../../src/files/http.js";
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

describe("an HTTP source", () => {
  it("learns the size from one byte, then asks for exactly the bytes that are read", async () => {
    const { fetch, ranges } = server();
    const source = await openUrl(url, { fetch });
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
    ["a server without ranges", () => new Response(content), /does not support range requests; download the file/],
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
    const source = await openUrl(url, { fetch });
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
    const source = await openUrl(url, { fetch });
    await expect(source.read(10, 20)).rejects.toThrow(`${url}: the connection broke; try again`);
  });

  it("reports an unreachable server by its address, and an abort as the abort", async () => {
    const fetch = () => Promise.reject(new TypeError("fetch failed"));
    await expect(openUrl(url, { fetch })).rejects.toThrow(`${url}: the server could not be reached`);
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(openUrl(url, { fetch, signal })).rejects.toThrow("enough");
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

  it("are resolved beside the file that names them", () => {
    expect(resolveBeside("configs/shapes.json", "shapes/clip.safetensors")).toBe("configs/shapes/clip.safetensors");
    expect(resolveBeside("https://example.org/a/config.json?x=1", "../b.pth")).toBe("https://example.org/b.pth");
    expect(resolveBeside("configs/shapes.json", "/models/b.pth")).toBe("/models/b.pth");
    expect(resolveBeside("configs/shapes.json", url)).toBe(url);
  });
});
