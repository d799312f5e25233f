import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync, mkdirSync, utimesSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import S3rver from "s3rver";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MemoryStore } from "../../../src/server/results/memory-store.js";
import { openStore } from "../../../src/server/results/open-store.js";
import { isSigned } from "../support/s3-signature.js";
import type { FileStore } from "../../../src/server/results/types.js";

const bounds = { maxBytes: 2 ** 20, maxFiles: 10_000 };
const ENV = { AWS_ACCESS_KEY_ID: "S3RVER", AWS_SECRET_ACCESS_KEY: "S3RVER" };

let folder: string;
let bucket: S3rver;
let s3Endpoint: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "dalle2-stores-"));
  bucket = new S3rver({
    address: "127.0.0.1",
    port: 0,
    silent: true,
    directory: join(folder, "s3"),
    resetOnClose: false,
    configureBuckets: [{ name: "images" }],
  });
  const { port } = await bucket.run();
  s3Endpoint = `http://127.0.0.1:${port}`;
});

afterAll(async () => {
  await bucket.close();
  rmSync(folder, { recursive: true });
});

const bytesOf = (text: string) => new TextEncoder().encode(text);

async function listed(store: FileStore, prefix = ""): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys.sort();
}

const OPENERS: Readonly<Record<string, () => Promise<FileStore>>> = {
  memory: () => openStore({ location: "memory", ...bounds }),
  "a folder": () => openStore({ location: join(folder, "disk", "results"), ...bounds }),
  "a bucket": () => openStore({ location: "s3://images/served", s3Endpoint, env: ENV, ...bounds }),
};

describe.each(Object.entries(OPENERS))("a store in %s", (_, open) => {
  it("keeps, lists, replaces and removes files", async () => {
    const store = await open();
    const start = Date.now();
    await store.put("results/a-1.png", bytesOf("one"), "image/png");
    await store.put("results/a-2.png", bytesOf("two"), "image/png");
    await store.put("other/job-1/record.json", bytesOf("{}"), "application/json");
    expect(await store.get("results/a-1.png")).toEqual(bytesOf("one"));
    expect(await store.get("results/none.png")).toBeUndefined();
    expect(await store.get("none/none.png")).toBeUndefined();
    expect(await listed(store)).toEqual(["other/job-1/record.json", "results/a-1.png", "results/a-2.png"]);
    expect(await listed(store, "results/")).toEqual(["results/a-1.png", "results/a-2.png"]);
    expect(await listed(store, "results/a-1")).toEqual(["results/a-1.png"]);
    for await (const { bytes, modified } of store.list("results/")) {
      expect(bytes).toBe(3);
      // Buckets have whole seconds.
      expect(Math.abs(modified - start)).toBeLessThan(10_000);
    }
    await store.put("results/a-1.png", bytesOf("new"), "image/png");
    expect(await store.get("results/a-1.png")).toEqual(bytesOf("new"));
    await store.remove("results/a-1.png");
    await store.remove("results/a-1.png");
    await store.remove("other/job-1/record.json");
    expect(await listed(store)).toEqual(["results/a-2.png"]);
    await store.remove("results/a-2.png");
  });

  it("takes bytes that are no text, and many at once", async () => {
    const store = await open();
    const files = Array.from({ length: 20 }, (_, i) =>
      Uint8Array.from({ length: 5000 }, (_, at) => (at * 31 + i) & 255),
    );
    await Promise.all(files.map((bytes, i) => store.put(`results/b-${i}.png`, bytes, "image/png")));
    expect(await Promise.all(files.map((_, i) => store.get(`results/b-${i}.png`)))).toEqual(files);
    await Promise.all(files.map((_, i) => store.remove(`results/b-${i}.png`)));
    expect(await listed(store)).toEqual([]);
  });
});

describe("a store in memory", () => {
  it("drops the oldest files above its bounds", async () => {
    const store = new MemoryStore({ maxBytes: 10, maxFiles: 3 }, () => 0);
    for (const key of ["a", "b", "c", "d"]) await store.put(key, bytesOf("xx"));
    expect(await listed(store)).toEqual(["b", "c", "d"]);
    await store.put("b", bytesOf("xxxxxx"));
    expect(await listed(store)).toEqual(["b", "c", "d"]);
    await store.put("e", bytesOf("xxx"));
    expect(await listed(store)).toEqual(["b", "e"]);
    // Larger than all of it.
    await store.put("f", bytesOf("x".repeat(11)));
    expect(await listed(store)).toEqual([]);
  });
});

describe("a store in a folder", () => {
  it("has files that its user alone can read, and removes folders that became empty", async () => {
    const root = join(folder, "private");
    const store = await openStore({ location: root, ...bounds });
    await store.put("repeatable/job-1/0.png", bytesOf("one"), "image/png");
    expect(statSync(join(root, "repeatable/job-1/0.png")).mode & 0o777).toBe(0o600);
    await store.remove("repeatable/job-1/0.png");
    expect(readdirSync(join(root, "repeatable"))).toEqual([]);
  });

  it("removes what a killed server was writing, and lists none of it", async () => {
    const root = join(folder, "killed");
    mkdirSync(join(root, "results"), { recursive: true });
    const rest = join(root, "results", ".a.png.00000000-0000-4000-8000-000000000001.tmp");
    writeFileSync(rest, "half");
    const old = Date.now() / 1000 - 7200;
    utimesSync(rest, old, old);
    const store = await openStore({ location: root, ...bounds });
    expect(await listed(store)).toEqual([]);
    expect(readdirSync(join(root, "results"))).toEqual([]);
  });

  it("says if there can be none", async () => {
    writeFileSync(join(folder, "file"), "");
    await expect(openStore({ location: join(folder, "file", "x"), ...bounds })).rejects.toMatchObject({
      code: "server/store",
    });
  });
});

/** A service whose answers list two keys each, and that checks signatures. */
async function strictService(keys: readonly string[]): Promise<{ readonly url: string; readonly service: Server }> {
  const service = createServer((request, response) => {
    if (!isSigned(request, ENV.AWS_SECRET_ACCESS_KEY)) {
      response.writeHead(403).end("<Error><Code>SignatureDoesNotMatch</Code></Error>");
      return;
    }
    const query = new URL(request.url!, "http://x").searchParams;
    const found = keys.filter((key) => query.get("list-type") === "2" && key.startsWith(query.get("prefix")!));
    const start = Number(query.get("continuation-token") ?? 0);
    const entries = found.slice(start, start + 2).map((key) => {
      const name = key.replace("&", "&amp;");
      return `<Contents><Key>${name}</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified><Size>7</Size></Contents>`;
    });
    const next = start + 2 < found.length ? `<NextContinuationToken>${start + 2}</NextContinuationToken>` : "";
    response.end(`<?xml version="1.0"?><ListBucketResult>${entries.join("")}${next}</ListBucketResult>`);
  });
  await new Promise<void>((resolve) => service.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(service.address() as AddressInfo).port}`, service };
}

describe("a store in a bucket", () => {
  it("signs its requests, and lists more files than one answer has", async () => {
    const { url, service } = await strictService(["served/a&b.png", "served/c d.png", "served/e.png", "other/f.png"]);
    const openAt = (env: NodeJS.ProcessEnv) =>
      openStore({ location: "s3://images/served", s3Endpoint: url, s3Region: "eu-central-1", env, ...bounds });
    const store = await openAt(ENV);
    expect(await listed(store)).toEqual(["a&b.png", "c d.png", "e.png"]);
    await store.put("results/a b+c.png", bytesOf("x"), "image/png");
    const wrong = await openAt({ ...ENV, AWS_SECRET_ACCESS_KEY: "not-the-secret" });
    const failure = await wrong.put("results/a.png", bytesOf("x"), "image/png").catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: "server/store",
      message: "the bucket could not keep a file: HTTP 403 SignatureDoesNotMatch",
    });
    expect(JSON.stringify(failure)).not.toContain("not-the-secret");
    service.close();
  });

  it("says what the service said", async () => {
    const missing = await openStore({ location: "s3://nobucket", s3Endpoint, env: ENV, ...bounds });
    await expect(missing.put("results/a.png", bytesOf("x"), "image/png")).rejects.toThrow("NoSuchBucket");
  });

  it.each([
    ["s3://images", {}, /AWS_ACCESS_KEY_ID/],
    ["s3://", ENV, /is not a bucket/],
    ["s3://Images/x y", ENV, /is not a bucket/],
  ])("is refused at once: %s", async (location, env, message) => {
    await expect(openStore({ location, env, ...bounds })).rejects.toThrow(message);
  });
});
