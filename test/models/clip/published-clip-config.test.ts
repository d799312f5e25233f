import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { FileLocation } from "../../../src/config/load-config-data.js";
import { ModelLoadConfig } from "../../../src/pipeline/load-config.js";
import type { ClipSource } from "../../../src/config/load-config-data.js";
import { guessesQuickGelu, inferOpenAiClip } from "../../../src/models/clip/infer-openai.js";
import type { LoadingOptions } from "../../../src/pipeline/manager/loading-options.js";
import { withPublishedConfig } from "../../../src/pipeline/manager/published-clip-config.js";
import { openFixture } from "../../../src/models/open-fixture.js";
import { TensorEntry } from "../../../src/weights/tensor-entry.js";
import { fixtureFolder } from "../../support/golden.js";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "clip-config-"));
});

afterAll(() => rm(folder, { recursive: true }));

const header = (name: string) => ({
  tensors: new Map([[name, new TensorEntry(name, "F32", [8], () => Promise.reject(new Error("not to be read")))]]),
});
const TRANSFORMERS = header("text_model.final_layer_norm.weight");
const OPENAI = header("ln_final.weight");

/** A CLIP of LAION's as transformers publishes it. */
const published = {
  text_config: { hidden_act: "gelu" },
  vision_config: { hidden_act: "gelu", num_attention_heads: 16 },
};

/** What is inferred about a CLIP in a folder with these files beside it. */
async function described(
  beside: Readonly<Record<string, unknown>>,
  { names = TRANSFORMERS, ...source }: Partial<ClipSource> & { names?: typeof OPENAI } = {},
) {
  const own = await mkdtemp(join(folder, "set-"));
  await mkdir(join(own, "clip"));
  for (const [name, value] of Object.entries(beside)) await writeFile(join(own, "clip", name), JSON.stringify(value));
  const file: FileLocation = { load_type: "local", path: "clip/model.safetensors" };
  const clip: ClipSource = {
    make: "open_clip",
    model: "mine",
    base_model_kwargs: null,
    load_model_from: file,
    ...source,
  };
  const config = ModelLoadConfig.parse({}, join(own, "models.json"));
  const found = await withPublishedConfig(clip, names, config, {});
  places.push(found.kwargsPlace);
  return found.base_model_kwargs;
}

/** Where the facts about the CLIPs were read. */
const places: unknown[] = [];

describe("the config beside a CLIP's file", () => {
  it("is read, open_clip's before that of the transformers library", async () => {
    const openClip = { model_cfg: { quick_gelu: true } };
    expect(await described({ "config.json": published })).toEqual(published);
    expect(await described({ "config.json": published, "open_clip_config.json": openClip })).toEqual(openClip);
    expect(await described({ "config.json": published }, { make: "openai" })).toEqual(published);
    expect(await described({})).toBeNull();
  });

  it("is not read if the load config has it, or if it is not needed", async () => {
    const given = { quick_gelu: false };
    expect(await described({ "config.json": published }, { base_model_kwargs: given })).toBe(given);
    expect(await described({ "config.json": published }, { make: "x-clip" })).toBeNull();
    expect(await described({ "config.json": published }, { make: "openai", names: OPENAI })).toBeNull();
    expect(await described({ "config.json": published }, { load_model_from: null })).toBeNull();
  });

  it("is not passed over for a key that is not known, and is named as the place of it", async () => {
    const odd = { ...published, text_config: { hidden_act: "gelu", rope_theta: 10000 } };
    expect(await described({ "config.json": odd })).toEqual(odd);
    expect(places.at(-1)).toMatchObject({ file: expect.stringMatching(/clip.config\.json$/) as string, path: [] });
    await described({}, { base_model_kwargs: { quick_gelu: false } });
    expect(places.at(-1)).toMatchObject({
      file: expect.stringMatching(/models\.json$/) as string,
      path: ["clip", "base_model_kwargs"],
    });
  });

  it("is ignored if it is the config of something else", async () => {
    expect(await described({ "config.json": { decoder: { unets: [] } } })).toBeNull();
    expect(await described({ "config.json": [1, 2] })).toBeNull();
    expect(await described({ "open_clip_config.json": { model_type: "t5" }, "config.json": published })).toEqual(
      published,
    );
  });
});

describe("the config of a CLIP on the model hub", () => {
  const base = "https://huggingface.co/someone/clip";
  const file: FileLocation = {
    load_type: "url",
    path: `${base}/resolve/main/open_clip_pytorch_model.bin?download=true`,
  };

  /** What is inferred about that CLIP if the hub answers so, and the requested URLs. */
  async function onHub(answer: (path: string) => Response, more: LoadingOptions = {}, location: FileLocation = file) {
    const asked = new Set<string>();
    const warnings: string[] = [];
    const fetch: typeof globalThis.fetch = (input) => {
      const { url } = new Request(input);
      asked.add(url);
      return Promise.resolve(answer(url.replace(/^.*\/(resolve|raw)\/main\//, "")));
    };
    const config = ModelLoadConfig.parse({}, join(folder, "models.json"));
    const source: ClipSource = { make: "open_clip", model: "mine", base_model_kwargs: null, load_model_from: location };
    const options = {
      cacheFolder: join(folder, "cache"),
      fetch,
      onWarning: (text: string) => warnings.push(text),
      ...more,
    };
    const { base_model_kwargs: kwargs } = await withPublishedConfig(source, OPENAI, config, options);
    return { kwargs, asked: [...asked], warnings };
  }

  const absent = () => new Response("", { status: 404 });
  const hub = (path: string) => (path === "config.json" ? new Response(JSON.stringify(published)) : absent());

  it("is not requested without updates if it was never downloaded", async () => {
    const { kwargs, asked, warnings } = await onHub(hub, { checkUpdates: false });
    expect([kwargs, asked, warnings]).toEqual([null, [], []]);
  });

  it("may be missing", async () => {
    const { kwargs, asked, warnings } = await onHub(absent, {}, { ...file, cache_dir: join(folder, "absent") });
    expect([kwargs, warnings]).toEqual([null, []]);
    expect(asked.every((url) => url.startsWith(`${base}/`))).toBe(true);
  });

  it("is downloaded and kept under the name of the CLIP's own file, for use without updates", async () => {
    const cacheDir = join(folder, "models");
    const kept = { ...file, cache_dir: cacheDir };
    expect((await onHub(hub, {}, kept)).kwargs).toEqual(published);
    expect(await readdir(cacheDir)).toContain("open_clip_pytorch_model.bin.config.json");
    const again = await onHub(absent, { checkUpdates: false }, kept);
    expect([again.kwargs, again.asked]).toEqual([published, []]);
  });

  it("is reported as unknown if the hub does not answer", async () => {
    const busy = () => new Response("", { status: 503 });
    const { kwargs, warnings } = await onHub(
      busy,
      { patience: { pause: 0 } },
      { ...file, cache_dir: join(folder, "busy") },
    );
    expect(kwargs).toBeNull();
    const ofEachName = [/trying again in 0 s$/, /the usual values of its make are assumed\.$/];
    for (const [i, text] of [...ofEachName, ...ofEachName].entries()) expect(warnings[i]).toMatch(text);
    expect(warnings).toHaveLength(4);
  });

  it("is not asked for on other servers", async () => {
    const other: FileLocation = { load_type: "url", path: "https://example.org/models/clip.bin" };
    expect((await onHub(hub, {}, other)).asked).toEqual([]);
  });
});

it("means the defaults of its library for missing keys", async () => {
  const fixture = await openFixture(fixtureFolder("clip-openai-vit"));
  const source = await fixture.checkpoint();
  const activationOf = (make: "openai" | "open_clip", config: Parameters<typeof inferOpenAiClip>[2]) =>
    inferOpenAiClip(source, { make, model: "mine" }, config).text.activation;
  // In the transformers library: quick GELU (CLIPTextConfig); in open_clip: the exact one (CLIP's argument quick_gelu).
  expect(activationOf("open_clip", { text_config: {}, vision_config: {} })).toBe("quickGelu");
  expect(activationOf("openai", { model_cfg: {} })).toBe("gelu");
  expect(activationOf("open_clip", {})).toBe("gelu");
  expect(activationOf("openai", {})).toBe("quickGelu");
  expect(guessesQuickGelu(source, { text_config: {}, vision_config: {} })).toBe(false);
  expect(guessesQuickGelu(source, { model_cfg: {} })).toBe(false);
  expect(guessesQuickGelu(source, { preprocess_cfg: {} })).toBe(true);
  await fixture.close();
});
