import { mkdtempSync, mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Hono } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { afterEach, describe, expect, it } from "vitest";
import type { ServerEnv } from "../../../src/server/context.js";
import { MemoryStore } from "../../../src/server/results/memory-store.js";
import { openStore } from "../../../src/server/results/open-store.js";
import { createResults, type ResultsOptions } from "../../../src/server/results/results.js";
import { RESULTS_ROUTE, type FileStore, type Results } from "../../../src/server/results/types.js";
import type { ServerError } from "../../../src/server/server-error.js";

const HOUR = 3_600_000;
const BASE = "https://images.example.com";
const PNG = Uint8Array.of(1, 2, 3);
let now = 1_700_000_000_000;
let folder: string | undefined;
const open: Results[] = [];

afterEach(() => {
  for (const results of open.splice(0)) results.close();
  if (folder !== undefined) rmSync(folder, { recursive: true });
  folder = undefined;
});

function resultsIn(store: FileStore, others: Partial<ResultsOptions> = {}) {
  const warnings: string[] = [];
  const results = createResults({
    store,
    resultMs: HOUR,
    maxBytes: 1000,
    maxFiles: 100,
    onWarning: (message) => warnings.push(message),
    now: () => now,
    ...others,
  });
  open.push(results);
  const app = new Hono<ServerEnv>();
  app.onError((error, c) => {
    const { code, status } = error as ServerError;
    return c.text(code, status as ContentfulStatusCode);
  });
  app.get(RESULTS_ROUTE, results.handler);
  const ask = async (url: string, method = "GET") => app.request(url, { method });
  return { results, ask, warnings };
}

const inMemory = (others?: Partial<ResultsOptions>) =>
  resultsIn(new MemoryStore({ maxBytes: 2 ** 20, maxFiles: 1000 }, () => now), others);

describe("the URL of a result", () => {
  it("serves the image as what it is, until its time is over", async () => {
    const { results, ask } = inMemory();
    const id = await results.keep(PNG, "webp");
    const url = results.url(id, "webp", `${BASE}/`);
    expect(url).toMatch(
      /^https:\/\/images\.example\.com\/v1\/results\/[0-9a-z]+-[0-9a-f]{32}\.webp\?signature=[\w-]{43}$/,
    );
    now += HOUR / 2;
    const answer = await ask(url);
    expect(new Uint8Array(await answer.arrayBuffer())).toEqual(PNG);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      "cache-control": "private, max-age=1800, immutable",
      "content-disposition": `inline; filename="dalle2-${id}.webp"`,
      "content-length": "3",
      "content-security-policy": "default-src 'none'; sandbox",
      "content-type": "image/webp",
      "x-content-type-options": "nosniff",
    });
    expect((await ask(url, "HEAD")).status).toBe(200);
    now += HOUR / 2;
    const late = await ask(url);
    expect([late.status, await late.text()]).toEqual([404, "not-found"]);
    expect(await results.get(id, "webp")).toBeUndefined();
  });

  it("is valid as it was signed alone", async () => {
    const { results, ask } = inMemory();
    const [one, other] = [await results.keep(PNG, "png"), await results.keep(PNG, "png")];
    const url = results.url(one, "png", BASE);
    const wrong = [
      url.replace(/\?.*/, ""),
      url.replace(/=.*/, "="),
      url.slice(0, -1),
      url.replace(/(.)$/, (last) => (last === "A" ? "B" : "A")),
      url.replace(one, other),
      url.replace(".png", ".jpeg"),
      // A later end.
      url.replace(/results\/(.)/, "results/z"),
      `${BASE}/v1/results/..%2f..%2fetc%2fpasswd?signature=x`,
    ];
    for (const changed of wrong) expect([changed, (await ask(changed)).status]).toEqual([changed, 403]);
  });

  it("is valid on servers with the same secret, and on no other", async () => {
    const store = new MemoryStore({ maxBytes: 1000, maxFiles: 10 }, () => now);
    const secret = new TextEncoder().encode("0123456789abcdef0123456789abcdef");
    const [one, two, other] = [resultsIn(store, { secret }), resultsIn(store, { secret }), resultsIn(store)];
    const url = one.results.url(await one.results.keep(PNG, "png"), "png", BASE);
    expect([(await two.ask(url)).status, (await other.ask(url)).status]).toEqual([200, 403]);
  });
});

describe("a sweep", () => {
  it("removes what is over time", async () => {
    const { results } = inMemory();
    await results.keep(PNG, "png");
    await results.store.put("repeatable/job-1/record.json", PNG, "application/json");
    now += HOUR / 2;
    const id = await results.keep(PNG, "png");
    now += HOUR / 2;
    await results.sweep();
    const keys = [];
    for await (const { key } of results.store.list("")) keys.push(key);
    expect(keys.sort()).toEqual(["repeatable/job-1/record.json", `results/${id}.png`]);
    now += 23 * HOUR;
    await results.sweep();
    for await (const { key } of results.store.list("")) expect(key).toBe("nothing");
  });

  it("removes the oldest above the bounds, and never files of others", async () => {
    folder = mkdtempSync(join(tmpdir(), "dalle2-results-"));
    mkdirSync(join(folder, "results"));
    writeFileSync(join(folder, "holiday.png"), "mine");
    writeFileSync(join(folder, "results", "thesis.pdf"), "x".repeat(5000));
    const year = 365 * 24 * 3600;
    utimesSync(join(folder, "results", "thesis.pdf"), Date.now() / 1000 - year, Date.now() / 1000 - year);
    const store = await openStore({ location: folder, maxBytes: 0, maxFiles: 0 });
    const { results } = resultsIn(store, { maxBytes: 8, maxFiles: 2, now: Date.now });
    const ids = [];
    for (const age of [30, 20, 10]) {
      const id = await results.keep(PNG, "png");
      const time = Date.now() / 1000 - age;
      utimesSync(join(folder, "results", `${id}.png`), time, time);
      ids.push(`${id}.png`);
    }
    await results.sweep();
    expect(readdirSync(join(folder, "results")).sort()).toEqual([...ids.slice(1), "thesis.pdf"].sort());
    expect(readdirSync(folder).sort()).toEqual(["holiday.png", "results"]);
  });

  it("that fails is said, and tried again", async () => {
    const store = new MemoryStore({ maxBytes: 1000, maxFiles: 10 }, () => now);
    let isBroken = true;
    const { results, warnings } = resultsIn({
      put: (key, bytes) => store.put(key, bytes),
      get: (key) => store.get(key),
      list: (prefix) => store.list(prefix),
      remove: (key) => (isBroken ? Promise.reject(new Error("unreachable")) : store.remove(key)),
    });
    const id = await results.keep(PNG, "png");
    now += 2 * HOUR;
    await results.sweep();
    expect(warnings).toEqual(["old results stay: unreachable"]);
    isBroken = false;
    await results.sweep();
    expect(await store.get(`results/${id}.png`)).toBeUndefined();
  });
});
