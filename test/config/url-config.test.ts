// What a load config from a URL may name: files beside it on its server, and nothing on this machine.
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ModelLoadConfig } from "../../src/pipeline/load-config.js";
import { openBeside, openSource, resolveBeside } from "../../src/files/open.js";
import { FileError } from "../../src/platform/errors.js";

const BASE = "https://example.org/sets/models.json";
const before = process.cwd();
let folder: string;

beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "url-config-")));
  process.chdir(folder);
  for (const name of ["secret.pth", "x:secret.pth", "C:secret.pth", "\\\\server\\share", "a\\secret.pth", "%41.pth"]) {
    writeFileSync(name, "on this machine");
  }
});

afterAll(() => {
  process.chdir(before);
  rmSync(folder, { recursive: true });
});

/** A server that has every file and records the requests. */
function serverOfAll() {
  const asked: string[] = [];
  const fetch = ((input, init) => {
    const { url, headers } = new Request(input, init);
    asked.push(url);
    const body = headers.has("range") ? "{" : "{}";
    const range = { "content-range": "bytes 0-0/1" };
    return Promise.resolve(new Response(body, headers.has("range") ? { status: 206, headers: range } : {}));
  }) as typeof globalThis.fetch;
  return { fetch, asked };
}

const local = (path: string) => ({ load_type: "local", path }) as const;

describe("a config from a URL", () => {
  const refused = () => [
    "/etc/passwd",
    join(folder, "secret.pth"),
    "file:///etc/passwd",
    `file://${folder}/secret.pth`,
    "FILE:secret.pth",
    "x:secret.pth",
    "C:secret.pth",
    "C:/models/secret.pth",
    "C:\\models\\secret.pth",
    "\\\\server\\share",
    "a\\secret.pth",
    "..\\secret.pth",
    "\\etc\\passwd",
    "//other.org/secret.pth",
    "/\\other.org/secret.pth",
    "/\n/other.org/secret.pth",
    "https://other.org/secret.pth",
    "http://example.org/sets/secret.pth",
    "https://example.org:8443/secret.pth",
    "https://example.org@other.org/secret.pth",
    "ftp://example.org/secret.pth",
    "data:application/json,{}",
    "blob:https://example.org/secret",
    "javascript:1",
    "//[",
    "https://[",
    "http://",
  ];

  it("names nothing on this machine, and nothing on another", async () => {
    for (const path of refused()) {
      const { fetch, asked } = serverOfAll();
      const config = ModelLoadConfig.parse({ prior: { load_model_from: local(path) } }, BASE);
      for (const open of [
        () => config.openFile(local(path), { fetch }),
        () => config.readJson(local(path), { fetch }),
      ]) {
        await expect(open(), path).rejects.toThrow(FileError);
        await expect(open(), path).rejects.toThrow("a file on a server can name only files on that server");
      }
      expect(asked, path).toEqual([]);
      expect(config.describe(local(path))).toBe(path);
    }
  });

  it.each([
    ["prior.pth", "https://example.org/sets/prior.pth"],
    ["./a/prior.pth", "https://example.org/sets/a/prior.pth"],
    ["../prior.pth", "https://example.org/prior.pth"],
    ["../../../../etc/passwd", "https://example.org/etc/passwd"],
    ["%2e%2e/%2e%2e/etc/passwd", "https://example.org/etc/passwd"],
    ["%2Fetc%2Fpasswd", "https://example.org/sets/%2Fetc%2Fpasswd"],
    ["~/secret.pth", "https://example.org/sets/~/secret.pth"],
    ["secret.pth", "https://example.org/sets/secret.pth"],
    ["%41.pth", "https://example.org/sets/%41.pth"],
    ["a b#1.pth", "https://example.org/sets/a%20b%231.pth"],
    ["prior.pth?download=true", "https://example.org/sets/prior.pth?download=true"],
    ["https://example.org/other/prior.pth", "https://example.org/other/prior.pth"],
  ])("names a file on its server by %s", async (path, url) => {
    const { fetch, asked } = serverOfAll();
    const source = await ModelLoadConfig.parse({}, BASE).openFile(local(path), { fetch });
    expect([source.name, asked]).toEqual([url, [url]]);
  });

  it("is at the requested URL, even if the server redirects", async () => {
    const { fetch } = serverOfAll();
    const moved: typeof globalThis.fetch = async (input, init) => {
      const response = await fetch(input, init);
      Object.defineProperty(response, "url", { value: "https://cdn.example.net/signed/9f?key=1" });
      return response;
    };
    const config = await ModelLoadConfig.fromJsonPath(BASE, { fetch: moved });
    expect(config.source).toBe(BASE);
    expect((await config.openFile(local("prior.pth"), { fetch: moved })).name).toBe(
      "https://example.org/sets/prior.pth",
    );
  });

  it("keeps the user and password of its URL for files beside it, and shows neither", async () => {
    const { fetch, asked } = serverOfAll();
    const headers: (string | null)[] = [];
    const watched: typeof fetch = (input, init) => {
      headers.push(new Headers(init?.headers).get("authorization"));
      return fetch(input, init);
    };
    const index = await openSource("https://me:pass@example.org/a/model.safetensors.index.json?token=t", {
      fetch: watched,
    });
    const shard = await openBeside(index, "model-1.safetensors", { fetch: watched });
    expect([index.name, shard.name]).toEqual([
      "https://…@example.org/a/model.safetensors.index.json?token=…",
      "https://…@example.org/a/model-1.safetensors",
    ]);
    expect(asked[1]).toBe("https://example.org/a/model-1.safetensors");
    expect(headers).toEqual([`Basic ${btoa("me:pass")}`, `Basic ${btoa("me:pass")}`]);
  });
});

it("an invalid base URL names nothing", () => {
  expect(() => resolveBeside("https://[", "a.pth")).toThrow(FileError);
});
