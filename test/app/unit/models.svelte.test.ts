// @vitest-environment happy-dom
import { afterEach, describe, expect, it, vi } from "vitest";
import type { CacheEntry, Inspection, MemoryPlan } from "dalle2-webgpu";
import { existsSync } from "node:fs";
import type { DeviceInfo } from "../../../web/src/engine/engine.js";
import { NOT_OPENED } from "../../../web/src/engine/opening.js";
import { CATALOGUE, entryOf } from "../../../web/src/models/catalogue.js";
import { missingBytes, sayLimits, sayMemory, sayStorage } from "../../../web/src/models/check-words.js";
import { filesOf, planDownload } from "../../../web/src/models/download-plan.js";
import { rememberedModel, rememberModel } from "../../../web/src/models/last-model.js";
import { ModelCheck } from "../../../web/src/models/model-check.svelte.js";
import { saySpeed, sayStage } from "../../../web/src/models/opening-words.js";
import { givenFiles, modelAt, sayCheckpoint } from "../../../web/src/models/own-model.js";
import { sayDownloads, sayStorageState } from "../../../web/src/models/storage-words.js";

const GB = 1e9;
const plan = (loaded: number, offload: number, weights: MemoryPlan["weights"] = "full") =>
  ({ dtype: "f16", weights, loadedBytes: loaded * GB, offloadBytes: offload * GB }) as MemoryPlan;
const device = (memoryBytes: number | undefined, isSoftware = false) =>
  ({
    adapter: { isSoftware, description: "", architecture: "swiftshader", vendor: "google" },
    features: { f16: true },
    maxStorageBufferBindingSize: 2 ** 27,
    memoryBytes,
  }) as DeviceInfo;
const cached = (url: string, bytes: number): CacheEntry => ({
  name: `0123456789abcdef-${url.split("/").at(-1)!}`,
  path: "",
  url,
  bytes,
  totalBytes: undefined,
  isComplete: true,
  isInUse: false,
});

afterEach(() => {
  vi.restoreAllMocks();
});

describe("the catalogue", () => {
  it("names load configs of the package, each once", () => {
    const ids = CATALOGUE.map(({ choice }) => choice.id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { choice } of CATALOGUE) {
      const path = new URL(choice.config as string).pathname.replace(/^.*\/configs\//, "configs/");
      expect(existsSync(path), path).toBe(true);
    }
  });

  it("says which models need a hint", () => {
    const needing = CATALOGUE.filter(({ takesHint }) => takesHint).map(({ choice }) => choice.id);
    expect(needing).toEqual(["kandinsky-2.2-depth"]);
  });

  it("finds a model by the name of a load config with the same files", () => {
    expect(entryOf("upsampler")).toBe(entryOf("gradio"));
    expect(entryOf("https://example.org/a.json")).toBeUndefined();
  });
});

describe("what a check says", () => {
  it("compares memory with that of the GPU", () => {
    expect(sayMemory(plan(4, 2), device(8 * GB))).toMatchObject({ state: "good", text: /: enough\.$/ });
    expect(sayMemory(plan(4, 2), device(4 * GB)).text).toMatch(/enough for one network at a time/);
    expect(sayMemory(plan(9, 6), device(4 * GB))).toMatchObject({ state: "problem", text: /int8 weights/ });
    expect(sayMemory(plan(9, 6, "int8"), device(4 * GB)).text).toMatch(/Choose a smaller model/);
    expect(sayMemory(plan(4, 2), device(undefined))).toMatchObject({ state: "unknown" });
    expect(sayLimits(device(undefined, true)).text).toMatch(/on the processor \(google swiftshader\)/);
  });

  it("compares downloads with the room of the site, less what is there", () => {
    const files = [
      { url: "https://example.org/a.pth?download=1", bytes: 3 * GB },
      { url: "https://example.org/b.pth", bytes: 2 * GB },
    ];
    const whole = { files, bytes: 5 * GB, isComplete: true };
    const there = [cached("https://example.org/a.pth", 1 * GB)];
    expect(missingBytes(whole, there)).toBe(4 * GB);
    const state = { downloadedBytes: 0, isPersistent: true };
    expect(sayStorage(whole, { ...state, freeBytes: 5 * GB }, there)).toMatchObject({ state: "good", text: /4\.0 GB/ });
    expect(sayStorage(whole, { ...state, freeBytes: 3 * GB }, there)).toMatchObject({
      state: "problem",
      text: /1\.0 GB too little/,
    });
    const all = files.map(({ url, bytes }) => cached(url.replace("?download=1", ""), bytes));
    expect(sayStorage(whole, { ...state, freeBytes: 0 }, all).text).toMatch(/Everything is downloaded/);
    const below = { files: [{ url: "https://example.org/", bytes: 5 * GB }], bytes: 5 * GB, isComplete: true };
    expect(missingBytes(below, there)).toBe(4 * GB);
    expect(missingBytes(below, [cached("https://example.com/a.pth", 1 * GB)])).toBe(5 * GB);
    expect(sayStorage({ ...whole, isComplete: false }, { ...state, freeBytes: 9 * GB }, []).text).toMatch(/at least/);
    const unknown = { files: [], bytes: 0, isComplete: false };
    expect(sayStorage(unknown, { ...state, freeBytes: 9 * GB }, [])).toEqual({
      state: "unknown",
      text: "How much it downloads is not known. This site may store 9.0 GB more.",
    });
  });

  it("takes a rounded size for all that is there", () => {
    const url = "https://example.org/karlo/";
    const rounded = {
      files: [{ url, bytes: 13.7 * GB }],
      bytes: 13.7 * GB,
      isComplete: true,
      toleranceBytes: 0.05 * GB,
    };
    expect(missingBytes(rounded, [cached(`${url}a`, 13.66 * GB)])).toBe(0);
    expect(missingBytes(rounded, [cached(`${url}a`, 13.74 * GB)])).toBe(0);
    expect(missingBytes(rounded, [cached(`${url}a`, 13 * GB)])).toBeCloseTo(0.7 * GB, 0);
  });
});

describe("the size of downloads", () => {
  const config = {
    decoder: { unet_sources: [{ load_model_from: { load_type: "url", path: "https://hub.example/d.pth" } }] },
    prior: { load_model_from: { load_type: "local", path: "parts/p.pth" } },
    clip: { load_model_from: { load_type: "url", path: "https://hub.example/d.pth" } },
  };
  const url = "https://example.org/models/config.json";

  it("is asked for each file of a load config once", async () => {
    expect(filesOf(config, url)).toEqual(["https://hub.example/d.pth", "https://example.org/models/parts/p.pth"]);
    const get = vi.fn((input: unknown): Promise<Response> => {
      if (input === url) return Promise.resolve(Response.json(config));
      if (String(input).endsWith("d.pth")) {
        return Promise.resolve(new Response("x", { status: 206, headers: { "content-range": "bytes 0-0/1234" } }));
      }
      return Promise.reject(new TypeError("CORS"));
    });
    const { signal } = new AbortController();
    expect(await planDownload(url, signal, get as typeof fetch)).toEqual({
      files: [
        { url: "https://hub.example/d.pth", bytes: 1234 },
        { url: "https://example.org/models/parts/p.pth", bytes: undefined },
      ],
      bytes: 1234,
      isComplete: false,
    });
  });
});

describe("an opening", () => {
  it("is said by the stage that decides how long it takes", () => {
    const files = { files: [], loadedBytes: 5e6, totalBytes: 13.7 * GB, isDone: false };
    expect(sayStage(NOT_OPENED)).toBe("Opening the model");
    expect(sayStage({ ...NOT_OPENED, stage: "download", download: files })).toBe("Downloading 5.0 MB of 13.7 GB");
    expect(sayStage({ ...NOT_OPENED, stage: "download", download: { ...files, totalBytes: undefined } })).toBe(
      "Downloading 5.0 MB",
    );
    expect(sayStage({ ...NOT_OPENED, stage: "weights" })).toBe("Loading weights");
    expect(sayStage({ ...NOT_OPENED, stage: "weights", weights: files })).toBe("Loading weights, 5.0 MB of 13.7 GB");
    expect(sayStage({ ...NOT_OPENED, stage: "compile", kernels: { compiled: 1, total: 4 } })).toBe(
      "Compiling kernels, 1 of 4",
    );
    expect([undefined, 3e6].map((bytesPerSecond) => saySpeed({ bytesPerSecond }))).toEqual(["", "3.0 MB a second"]);
  });
});

describe("a check", () => {
  const choice = { id: "a", label: "A", config: "https://example.org/a.json" };
  const engine = {
    device: () => Promise.resolve(device(8 * GB)),
    planMemory: vi.fn(() => Promise.resolve(plan(4, 2))),
    storage: () => Promise.resolve({ downloadedBytes: 0, freeBytes: 9 * GB, isPersistent: false }),
    downloads: () => Promise.resolve([]),
  };
  const planned = () =>
    Promise.resolve({ files: [{ url: "https://e.org/a", bytes: GB }], bytes: GB, isComplete: true });

  it("says what it finds, in the dtype that the model would have", async () => {
    const check = new ModelCheck(engine, planned);
    await check.check(choice, { dtype: "auto", weights: "int8" });
    expect(engine.planMemory).toHaveBeenCalledWith(choice.config, "f16", "int8");
    expect([check.status, check.findings.length, check.failure]).toEqual(["done", 3, undefined]);
  });

  it.each(["https://example.org/folder/", "https://example.org/folder", "kakaobrain/karlo-v1-alpha"])(
    "does not read the page of %s as a load config",
    async (config) => {
      const read = vi.fn(planned);
      const check = new ModelCheck(engine, read);
      await check.check({ id: config, label: "", config }, { dtype: "auto", weights: "full" });
      expect(read).not.toHaveBeenCalled();
      expect(check.findings.map(({ text }) => text)).toContainEqual(expect.stringMatching(/^How much .* is not known/));
    },
  );

  it("finds that all of a published model is there, although its size is rounded", async () => {
    const karlo = entryOf("karlo")!;
    const there = [cached(`${karlo.page!}/resolve/main/decoder.bin`, karlo.choice.downloadBytes! - 0.04 * GB)];
    const check = new ModelCheck({ ...engine, downloads: () => Promise.resolve(there) }, planned);
    await check.check(karlo.choice, { dtype: "auto", weights: "full" });
    expect(check.findings.map(({ text }) => text)).toContainEqual(expect.stringMatching(/^Everything is downloaded/));
  });

  it("shows what it found although a part fails", async () => {
    const failing = { ...engine, planMemory: () => Promise.reject(new Error("no such file")) };
    const check = new ModelCheck(failing, planned);
    await check.check(choice, { dtype: "f32", weights: "full" });
    expect([check.findings.length, check.failure?.message]).toEqual([1, "no such file"]);
  });

  it("forgets a check when another begins", async () => {
    const check = new ModelCheck(engine, planned);
    const first = check.check(choice, { dtype: "f32", weights: "full" });
    await check.check({ ...choice, id: "b" }, { dtype: "f32", weights: "full" });
    await first;
    expect([check.id, check.findings.length]).toEqual(["b", 3]);
  });
});

describe("models of the user", () => {
  it("are found by URL or id, and other texts are refused", () => {
    expect(modelAt(" kakaobrain/karlo-v1-alpha ")).toMatchObject({ config: "kakaobrain/karlo-v1-alpha" });
    expect(modelAt("https://example.org/my%20model.json")).toMatchObject({ label: "my model" });
    expect(() => modelAt("my model")).toThrow(/Enter the URL/);
    expect(() => modelAt("file:///a.json")).toThrow(/open a folder/);
  });

  it("are read from where the page may read", () => {
    expect(modelAt("http://localhost:8080/a.json").config).toBe("http://localhost:8080/a.json");
    expect(modelAt(`${location.origin}/a.json`).label).toBe("a");
    for (const url of ["http://example.org/a.json", "http://127.0.0.1/a.json", "ftp://example.org/a.json"])
      expect(() => modelAt(url), url).toThrow(/only from https:\/\//);
  });

  it("are told from checkpoints alone", () => {
    const json = new File(["{}"], "config.json");
    const weights = new File([""], "decoder.pth");
    expect(givenFiles([weights])).toEqual({ kind: "checkpoint", file: weights });
    expect(givenFiles([weights, json])).toMatchObject({
      kind: "model",
      choice: { label: "config", config: [weights, json] },
    });
    expect(givenFiles([])).toBeUndefined();
  });

  it("can be a decoder alone, for variations", () => {
    const file = new File([""], "decoder.pth");
    const inspection = {
      component: "decoder",
      version: "1.1.0",
      parameters: 4e8,
      format: "torch",
    } as unknown as Inspection;
    const { choice, title } = sayCheckpoint(file, { ...inspection, config: { decoder: { unets: [{}, {}] } } });
    expect(title).toMatch(/A decoder, version 1\.1\.0, 400 million/);
    expect(choice?.config).toMatchObject({
      data: { decoder: { unet_sources: [{ unet_numbers: [1, 2] }] } },
      source: [file],
    });
    expect(sayCheckpoint(file, { ...inspection, component: "prior" }).choice).toBeUndefined();
  });
});

describe("the model of the last visit", () => {
  it("is found by id or URL; files are not kept", async () => {
    const storage = window.localStorage;
    const karlo = entryOf("karlo")!.choice;
    await rememberModel(karlo, storage);
    expect(rememberedModel(storage)).toBe(karlo);
    await rememberModel(modelAt("https://example.org/a.json"), storage);
    expect(rememberedModel(storage)?.config).toBe("https://example.org/a.json");
    await rememberModel({ id: "file:a", label: "a", config: new File([""], "a.json") }, storage);
    expect(rememberedModel(storage)).toBeUndefined();
    storage.setItem("dalle2app.model", "not a model");
    expect(rememberedModel(storage)).toBeUndefined();
  });
});

describe("the list of downloads", () => {
  it("says what can be removed, largest first", () => {
    const list = sayDownloads([
      cached("https://hub.example/x/small.pth", 1e6),
      { ...cached("https://hub.example/x/large.pth", 2 * GB), isInUse: true },
      { ...cached("https://hub.example/x/part.pth", 5e6), totalBytes: 1 * GB, isComplete: false },
    ]);
    expect(list.map(({ name, size, state, canRemove }) => [name, size, state, canRemove])).toEqual([
      ["large.pth", "2.0 GB", "in use", false],
      ["part.pth", "5.0 MB of 1.0 GB", "not complete", true],
      ["small.pth", "1.0 MB", "", true],
    ]);
    expect(list[0]!.from).toBe("hub.example/x");
    expect(sayStorageState({ downloadedBytes: 0, freeBytes: undefined, isPersistent: undefined })).toBe(
      "No models are stored.",
    );
  });
});
