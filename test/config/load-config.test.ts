import { describe, expect, it } from "vitest";
import { ConfigError } from "../../src/config/config-error.js";
import { ModelLoadConfig } from "../../src/pipeline/load-config.js";

const local = (path: string) => ({ load_type: "local", path });
const source = (unet_numbers: unknown, more: object = {}) => ({
  unet_numbers,
  load_model_from: local("decoder.pth"),
  ...more,
});
const decoder = (...unet_sources: unknown[]) => ({ decoder: { unet_sources } });

/** The lines of the error for a refused config, except the first, which names the config. */
function faultsOf(config: unknown): readonly string[] {
  try {
    ModelLoadConfig.parse(config, "models.json");
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    const [first, ...faults] = (error as ConfigError).message.split("\n");
    expect(first).toBe("models.json is not a valid configuration:");
    return faults.map((line) => line.trim());
  }
  throw new Error("the config was accepted");
}

describe("a load config", () => {
  it("may leave out everything, and has upstream's defaults", () => {
    expect(ModelLoadConfig.parse({}, "empty.json").data).toEqual({
      devices: "cuda:0",
      load_on_cpu: true,
      strict_loading: true,
    });
    expect(ModelLoadConfig.parse({ clip: {} }, "clip.json").data.clip).toEqual({
      make: "openai",
      model: "ViT-L/14",
      base_model_kwargs: null,
    });
  });

  it("may hold null for what is not given, and upstream's computed number", () => {
    const file = { ...local("x.pth"), checksum_file_path: null, cache_dir: null, filename_override: null };
    const absent = { default_sample_timesteps: null, default_cond_scale: null, load_config_from: null };
    const sources = [{ unet_numbers: [1], load_model_from: file, ...absent }];
    const config = { decoder: { unet_sources: sources, final_unet_number: 1 }, prior: null, clip: null };
    expect(ModelLoadConfig.parse(config, "models.json").data).toMatchObject(config);
  });
});

describe("refuses, saying where, what is expected and what was found:", () => {
  it("all faults of a config at once", () => {
    const url = (path: string, more: object = {}) => ({ load_type: "url", path, ...more });
    const faults = faultsOf({
      decoder: {
        unet_sources: [
          source([1, 3], { default_cond_scale: [1.7], default_sample_timestep: [10, 20] }),
          source([3], { load_model_from: { load_type: "ftp", path: 7 } }),
        ],
      },
      prior: { load_model_from: url("models/prior.pth"), default_sample_timesteps: 2.5 },
      clip: { make: "OpenAI" },
      devices: "gtx",
      strict_loading: "no",
    });
    expect(faults).toEqual([
      'decoder.unet_sources[0]: unknown key "default_sample_timestep"; did you mean "default_sample_timesteps"?',
      "decoder.unet_sources[0].default_cond_scale: has 1 value, but unet_numbers has 2; give one value for each",
      'decoder.unet_sources[1].load_model_from.load_type: expected "local" or "url", found "ftp"',
      "decoder.unet_sources[1].load_model_from.path: expected a string, found 7",
      "decoder.unet_sources[1].unet_numbers[0]: repeats U-Net 3, which decoder.unet_sources[0].unet_numbers[1] already names",
      "decoder.unet_sources: the unet_numbers of all sources must be 1 to 3; 2 is missing",
      "prior.default_sample_timesteps: expected a whole number, found 2.5",
      'prior.load_model_from.path: expected a URL (http or https), found "models/prior.pth"',
      'clip.make: expected "openai" or "open_clip" or "x-clip" or "coca", found "OpenAI"',
      'devices: expected a device name, such as "cuda:0", "cuda", "mps", "gpu" or "cpu", found "gtx"',
      'strict_loading: expected true or false, found "no"',
    ]);
  });

  it.each(["file:///models/prior.pth", "https://", "http://[::1/prior.pth"])("does not take %j for a URL", (path) => {
    const faults = faultsOf({ prior: { load_model_from: { load_type: "url", path, checksum_file_path: path } } });
    expect(faults).toEqual([
      `prior.load_model_from.checksum_file_path: expected a URL (http or https), found "${path}"`,
      `prior.load_model_from.path: expected a URL (http or https), found "${path}"`,
    ]);
  });

  it.each([
    ["no U-Net 1", [source([2]), source([3])], "must start at 1; 1 is missing"],
    ["numbers from 0", [source([0, 1])], "decoder.unet_sources[0].unet_numbers[0]: expected a number above 0, found 0"],
    ["a number that is out of all bounds", [source([1e15])], "must start at 1; 1, 2, 3, … are missing"],
    ["gaps", [source([1]), source([9, 5])], "must be 1 to 9; 2, 3, 4, … are missing"],
    ["a list that is empty", [source([])], "decoder.unet_sources[0].unet_numbers: expected a list that is not empty"],
    ["no list", [source(1)], "decoder.unet_sources[0].unet_numbers: expected a list, found 1"],
    ["no sources", [], "decoder.unet_sources: expected a list that is not empty, found []"],
    ["no file", [{ unet_numbers: [1] }], "decoder.unet_sources[0].load_model_from: missing; expected an object"],
    ["null for a source", [null], "decoder.unet_sources[0]: expected an object, found null"],
  ])("a decoder with %s", (_, sources, fault) => {
    const faults = faultsOf(decoder(...sources));
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain(fault);
  });

  it("each repetition of a U-Net", () => {
    expect(faultsOf(decoder(source([1, 2, 1]), source([2])))).toEqual([
      "decoder.unet_sources[0].unet_numbers[2]: repeats U-Net 1, which decoder.unet_sources[0].unet_numbers[0] already names",
      "decoder.unet_sources[1].unet_numbers[0]: repeats U-Net 2, which decoder.unet_sources[0].unet_numbers[1] already names",
    ]);
  });

  it.each([
    [{ load_type: "url", path: "https://a.org/models/" }, "does not end with a file name; set filename_override"],
    [{ load_type: "url", path: "https://a.org/?download" }, "does not end with a file name"],
    [{ load_type: "url", path: "https://a.org/x", filename_override: "../x" }, "expected a file name without folders"],
    [{ load_type: "url", path: "https://a.org/x", filename_override: ".." }, "expected a file name without folders"],
    [{ load_type: "url", path: "https://a.org/x", checksum_file_path: "x.sha" }, "checksum_file_path: expected a URL"],
    [{ load_type: "url", path: "https://a.org/x", cache_dir: "" }, "cache_dir: expected a string that is not empty"],
    [{ load_type: "local" }, "load_model_from.path: missing; expected a string"],
    [{ path: "x" }, 'load_model_from.load_type: missing; expected "local" or "url"'],
  ])("the file %o", (file, fault) => {
    const faults = faultsOf({ prior: { load_model_from: file } });
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain(fault);
  });

  it("two downloads that would be kept as one file", () => {
    const kept = (path: string, more: object = {}) => ({ load_type: "url", path, cache_dir: "./models", ...more });
    const config = {
      ...decoder(source([1], { load_model_from: kept("https://a.org/decoder/latest.pth") })),
      prior: { load_model_from: kept("https://a.org/prior/latest.pth?download=true", { cache_dir: "models" }) },
      // The same file twice is allowed, and so is the same name in another folder or in the user's cache.
      clip: { load_model_from: kept("https://a.org/decoder/latest.pth") },
    };
    expect(faultsOf(config)).toEqual([
      "prior.load_model_from: has the same name in the cache, models/latest.pth, as decoder.unet_sources[0].load_model_from; give one of them another filename_override",
    ]);
    const apart = {
      ...config,
      prior: { load_model_from: kept("https://a.org/prior/latest.pth", { cache_dir: "priors" }) },
    };
    expect(() => ModelLoadConfig.parse(apart, "models.json")).not.toThrow();
  });

  it.each([
    ["$Schema", '"$schema"'],
    ["stict_loading", '"strict_loading"'],
    ["device", '"devices"'],
    ["loadOnCpu", '"load_on_cpu"'],
  ])("the unknown key %s", (key, nearest) => {
    expect(faultsOf({ [key]: true })).toEqual([`unknown key "${key}"; did you mean ${nearest}?`]);
  });

  it("an unknown key that is like no other", () => {
    expect(faultsOf({ clip: null, learning_rate: 1 })).toEqual(['unknown key "learning_rate"']);
  });

  it("JSON that is not a load config at all, without listing its keys", () => {
    const refusal = (value: unknown): string => {
      try {
        ModelLoadConfig.parse(value, "some.json");
      } catch (error) {
        expect(error).toBeInstanceOf(ConfigError);
        return (error as ConfigError).message;
      }
      throw new Error("the config was accepted");
    };
    const bare = { name: "x", version: "1.0.0", type: "module", engines: {}, scripts: {} };
    const npm = { ...bare, dependencies: {} };
    expect(refusal(npm)).toMatch(/^some\.json is not a load config: it is the package\.json of an npm package\./);
    expect(refusal(bare)).toContain('it has "name", "version", "type" and 2 other keys instead.');
    expect(refusal({ metadata: {}, weight_map: {} })).toContain("the index of a sharded checkpoint");
    const train = "is a train config of DALLE2-pytorch (a load config refers to it as load_config_from)";
    expect(refusal({ decoder: { unets: [] }, data: {}, train: {} })).toContain(train);
    expect(refusal({ prior: { net: {} } })).toContain(train);
    expect(refusal([])).toContain("it is a list");
    expect(refusal(null)).toContain("it is null");
    expect(refusal("prior.pth")).toContain("it is a string");
    for (const value of [npm, bare, [], 1]) expect(refusal(value)).not.toMatch(/unknown key|expected/);
  });

  it("long values, abridged", () => {
    const [fault] = faultsOf({ decoder: Array.from({ length: 100 }, (_, i) => i) });
    expect(fault).toMatch(/^decoder: expected an object, found \[0,1,2,.{50,60}…$/);
  });
});
