import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { TransientError } from "../../src/files/http-error.js";
import { openRemote } from "../../src/files/remote-file.js";
import { UnreachableHosts } from "../../src/files/unreachable-hosts.js";
import { ModelLoadConfig } from "../../src/pipeline/load-config.js";
import { checkFiles } from "../../src/cli/check-files.js";
import { sharedGpu } from "../support/gpu.js";
import { DalleModelManager } from "../../src/pipeline/manager/model-manager.js";

const folder = mkdtempSync(join(tmpdir(), "dalle2-hosts-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** What was asked, in order, and the servers that answer. */
let asked: string[];
let present: Set<string>;
beforeEach(() => {
  asked = [];
  present = new Set();
});

const askFetch: typeof fetch = (input) => {
  const url = addressOf(input);
  asked.push(url.href);
  if (present.has(url.host)) return Promise.resolve(new Response(null, { status: 404 }));
  const cause = new Error(`getaddrinfo ENOTFOUND ${url.hostname}`);
  return Promise.reject(new TypeError("fetch failed", { cause }));
};
const silentFetch: typeof fetch = (input, { signal } = {}) => {
  asked.push(addressOf(input).href);
  return new Promise((_, reject) => {
    signal?.addEventListener("abort", () => {
      reject(signal.reason as Error);
    });
  });
};

function addressOf(input: Parameters<typeof fetch>[0]): URL {
  return new URL(input instanceof Request ? input.url : input);
}
const patience = { attempts: 3, pause: 1, stall: 50 };
const options = { fetch: askFetch, patience, cacheFolder: folder, onWarning: () => undefined };
const model = (url: string) => ({ load_model_from: { load_type: "url", path: url } });
const config = (...urls: readonly string[]) =>
  ModelLoadConfig.parse({
    decoder: { unet_sources: urls.map((url, i) => ({ unet_numbers: [i + 1], ...model(url) })) },
  });
const files = ["https://a.test/1.pth", "https://a.test/2.pth", "https://b.test/3.pth", "https://a.test/4.pth"];

describe("a server that cannot be reached", () => {
  it("is tried for one file of a load config, and not for the others", async () => {
    const reports = await checkFiles(config(...files), options);
    expect(asked).toEqual([files[0], files[0], files[0], files[2], files[2], files[2]]);
    const [first, second, other, last] = reports.map(({ problem }) => problem);
    expect(first).toBe(`${files[0]}: the server could not be reached: getaddrinfo ENOTFOUND a.test`);
    expect(other).toBe(`${files[2]}: the server could not be reached: getaddrinfo ENOTFOUND b.test`);
    expect(second).toMatch(
      `${files[1]}: the server could not be reached: getaddrinfo ENOTFOUND a.test; it was not tried again`,
    );
    expect(last).toMatch("it was not tried again for this file");
  });

  it("is one that is silent, too", async () => {
    await checkFiles(config(...files), { ...options, fetch: silentFetch });
    expect(asked).toEqual([files[0], files[0], files[0], files[2], files[2], files[2]]);
  });

  it("is not one that answers", async () => {
    present.add("a.test");
    await checkFiles(config(...files), options);
    expect(asked).toEqual([files[0], files[1], files[2], files[2], files[2], files[3]]);
  });

  it("is tried again for another manager", async () => {
    const one = config(files[0]!);
    const gpu = await sharedGpu();
    for (let count = 0; count < 2; count++) {
      await expect(DalleModelManager.create(one, { ...options, gpu })).rejects.toThrow(TransientError);
    }
    expect(asked).toHaveLength(6);
  });

  it("is tried as often as one that asks more patiently wants", async () => {
    const hosts = new UnreachableHosts();
    const open = (attempts: number) =>
      openRemote(
        { url: files[0]!, folder, filename: "1.pth" },
        { ...options, hosts, patience: { ...patience, attempts } },
      );
    for (const [attempts, more] of [
      [1, 1],
      [1, 0],
      [2, 2],
      [1, 0],
    ] as const) {
      asked = [];
      await expect(open(attempts)).rejects.toThrow(TransientError);
      expect(asked).toHaveLength(more);
    }
  });
});
