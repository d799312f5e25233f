import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { ConfigError } from "../../src/config/config-error.js";
import { ModelLoadConfig } from "../../src/pipeline/load-config.js";
import { readJson } from "../../src/config/read-json.js";
import { resolveDecoderConfig } from "../../src/models/dalle2-pytorch/options.js";
import { decoderConfig } from "../../src/models/dalle2-pytorch/train-config.js";
import { parseConfig } from "../../src/config/config-error.js";
import { encodeImage } from "../../src/image/encode.js";
import { makeImage } from "../../src/image/image.js";
import { JsonError, MAX_JSON_DEPTH, parseJson } from "../../src/platform/json.js";
import { MemorySource } from "../../src/platform/source.js";
import { openCheckpoint } from "../../src/models/open-checkpoint.js";
import { FormatError } from "../../src/weights/errors.js";
import { dalle2 } from "../support/cli.js";

const folder = mkdtempSync(join(tmpdir(), "json-"));
const LEVELS = 100_000;
const lists = "[".repeat(LEVELS) + "]".repeat(LEVELS);
const objects = '{"a":'.repeat(LEVELS) + "0" + "}".repeat(LEVELS);

afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe("JSON from outside", () => {
  it("nests so many levels deep, and not one more", () => {
    const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
    expect(() => parseJson(nested(MAX_JSON_DEPTH))).not.toThrow();
    expect(() => parseJson(nested(MAX_JSON_DEPTH + 1))).toThrow(JsonError);
    expect(parseJson(`[${"[],".repeat(1000)} "${"[".repeat(LEVELS)}", "\\"${"{".repeat(LEVELS)}"]`)).toHaveLength(1002);
  });

  it.each([lists, objects, `{"a": ${lists}`, "[".repeat(LEVELS)])("that is deeper is refused (%#)", (text) => {
    expect(() => parseJson(text)).toThrow(/^nests lists or objects more than 64 levels deep/);
  });

  it.each(['{"__proto__": {"a": 1}}', '[{"b": {"\\u005f_proto__": null}}]', '{"\\u005F\\u005fpr\\u006fto__": 1}'])(
    "changes no prototype: %s",
    (text) => {
      expect(() => parseJson(text)).toThrow(/has the key "__proto__"/);
      expect(Object.keys(parseJson(text, { takesProtoKey: true }) as object)).toHaveLength(1);
    },
  );

  it("may contain that word elsewhere; of duplicate keys the last counts, as in Python", () => {
    expect(parseJson('{"a": "__proto__", "b": "\\u005f", "a": 2}')).toEqual({ a: 2, b: "_" });
  });

  it.each([
    ['{"token": SECRET}', "is not JSON: Unexpected token 'S' at line 1, column 11"],
    ['{"a": 1,\n "b": ~1}', "is not JSON: Unexpected token '~' at line 2, column 7"],
    ["[1,]", "is not JSON: Unexpected token ']'"],
    ["hf_SECRET", "is not JSON: Unexpected token 'h' at line 1, column 1"],
    ['"' + "a".repeat(5_000_000), "is not JSON: Unterminated string"],
  ])("is not quoted if it is not valid: %#", (text, message) => {
    expect(() => parseJson(text)).toThrow(message);
    expect(() => parseJson(text)).not.toThrow("SECRET");
  });
});

/** A safetensors file with this metadata. */
function safetensors(metadata: object): Uint8Array {
  const header = JSON.stringify({ __metadata__: metadata, a: { dtype: "U8", shape: [1], data_offsets: [0, 1] } });
  const bytes = new Uint8Array(8 + header.length + 1);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
  bytes.set(new TextEncoder().encode(header), 8);
  return bytes;
}

describe("values that nest without end", () => {
  it.each([
    ["a load config's CLIP", `{"clip":{"base_model_kwargs":{"a":${lists}}}}`],
    ["a load config's decoder", `{"decoder":${objects}}`],
    ["a load config", lists],
  ])("are a ConfigError that names the file: %s", async (_, text) => {
    const file = join(folder, "deep.json");
    writeFileSync(file, text);
    await expect(readJson(file)).rejects.toThrow(ConfigError);
    await expect(ModelLoadConfig.fromJsonPath(file)).rejects.toThrow(`${file} nests lists`);
  });

  it("are a ConfigError too if they are given as values", () => {
    const deep = JSON.parse(lists) as unknown;
    const cycle: Record<string, unknown> = {};
    cycle.a = [cycle];
    const wide = [Array.from({ length: 2_000_000 }, () => 0)];
    for (const value of [
      deep,
      cycle,
      { clip: { base_model_kwargs: { deep } } },
      { decoder: cycle },
      { clip: { base_model_kwargs: { wide } } },
    ]) {
      expect(() => ModelLoadConfig.parse(value, "models.json")).toThrow(ConfigError);
      expect(() => ModelLoadConfig.parse(value, "models.json")).toThrow("models.json ");
    }
    expect(() => parseConfig(decoderConfig, { unets: [{ dim: deep }] }, "train.json")).toThrow(ConfigError);
  });

  it.each([
    ["config", safetensors({ config: `{"decoder":{"unets":${lists}}}` })],
    ["sparse_shape", safetensors({ sparse_shape: `{"a":${lists}}` })],
    ["index", new TextEncoder().encode(`{"weight_map":{"a":${lists}}}`)],
  ])("are a FormatError in a checkpoint's %s", async (_, bytes) => {
    const opening = () => openCheckpoint(new MemorySource(bytes, "deep.safetensors"));
    await expect(opening()).rejects.toThrow(FormatError);
    await expect(opening()).rejects.toThrow(/^deep\.safetensors: .*nests lists or objects more than 64 levels deep/);
  });

  it("are refused by every command, which names the file", async () => {
    const image = makeImage(2, 2, 3, new Uint8Array(12));
    const [png, webp] = [join(folder, "deep.png"), join(folder, "deep.webp")];
    const text = { dalle2: `{"seed":1,"parameters":${lists}}` };
    writeFileSync(png, await encodeImage(image, { format: "png", text }));
    writeFileSync(webp, await encodeImage(image, { format: "webp", text }));
    const [config, index] = [join(folder, "config.json"), join(folder, "model.safetensors.index.json")];
    writeFileSync(config, `{"clip":{"base_model_kwargs":{"a":${lists}}}}`);
    writeFileSync(index, `{"weight_map":{"a":${lists}}}`);
    const calls: readonly (readonly [number, string, ...string[]])[] = [
      [1, png, "show"],
      [1, webp, "show"],
      [1, png, "dream", "--from"],
      [1, index, "inspect"],
      [2, config, "memory"],
      [2, config, "test", "--no-load", "--model-config"],
      [2, config, "dream", "--prompts-file"],
    ];
    for (const [expected, file, ...args] of calls) {
      const { status, stderr } = dalle2([...args, file]);
      expect([status, stderr]).toEqual([
        expected,
        expect.stringMatching(/nests lists or objects more than 64 levels deep/),
      ]);
      expect(stderr.startsWith(file), stderr).toBe(true);
    }
  });
});

describe("lists that are too long", () => {
  const local = { load_type: "local", path: "x" };
  const sources = (numbers: readonly unknown[], more: object = {}) => ({
    decoder: { unet_sources: [{ unet_numbers: numbers, load_model_from: local, ...more }] },
  });
  const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

  it.each([
    ["200,000 U-Nets", sources(upTo(200_000)), "unet_numbers: expected a list of at most 100, found [1,2,"],
    ["200,000 times the same", sources(upTo(200_000).fill(1)), "unet_numbers: expected a list of at most 100"],
    ["200,000 texts", sources(upTo(200_000).map(String)), "unet_numbers: expected a list of at most 100"],
    ["200,000 sources", { decoder: { unet_sources: upTo(200_000) } }, "unet_sources: expected a list of at most 100"],
    ["200,000 devices", { devices: upTo(200_000).fill(0) }, "devices: expected a device name"],
    ["200,000 steps", sources([1], { default_sample_timesteps: upTo(200_000) }), "expected a list of at most 100"],
    ["the highest number", sources([Number.MAX_SAFE_INTEGER]), "1, 2, 3, … are missing"],
    [
      "100,000 unknown keys",
      { clip: null, ...Object.fromEntries(upTo(100_000).map((i) => [`key${i}`, 0])) },
      'unknown key "key1"',
    ],
    ["100,000 keys of another kind", Object.fromEntries(upTo(100_000).map((i) => [`key${i}`, 0])), 'it has "key1"'],
    ["a key of 10 MB", { clip: null, ["k".repeat(10_000_000)]: 0 }, 'unknown key "kkkk'],
  ])("%s are a short ConfigError immediately", (_, value, message) => {
    const begin = performance.now();
    expect(() => ModelLoadConfig.parse(value, "models.json")).toThrow(ConfigError);
    expect(() => ModelLoadConfig.parse(value, "models.json")).toThrow(message);
    expect(performance.now() - begin).toBeLessThan(10_000);
    try {
      ModelLoadConfig.parse(value, "models.json");
    } catch (error) {
      expect((error as Error).message.length).toBeLessThan(60_000);
    }
  });

  it("takes any values beside them in time", () => {
    const begin = performance.now();
    const kwargs = { many: Array.from({ length: 300_000 }, (_, i) => ({ i })) };
    ModelLoadConfig.parse({ clip: { make: "x-clip", base_model_kwargs: kwargs } });
    expect(performance.now() - begin).toBeLessThan(10_000);
  });

  it.each([
    { unets: [{ dim: 8, dim_mults: upTo(100_000) }], image_size: 8 },
    { unets: [{ dim: 8, num_resnet_blocks: 1e9 }], image_size: 8 },
    { unets: [{ dim: 8 }], image_sizes: upTo(200_000) },
    { unets: [{ dim: 8 }], image_size: 8, timesteps: 1e12 },
    { unets: upTo(1000).map(() => ({ dim: 8 })), image_size: 8 },
  ])("of a train config are a ConfigError: %#", (config) => {
    expect(() => resolveDecoderConfig(parseConfig(decoderConfig, config, "train.json"))).toThrow(ConfigError);
  });
});
