import { mkdtempSync, mkdirSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { FileLocation } from "../../src/config/load-config-data.js";
import { CONFIG_NAMES, configPath } from "../../src/pipeline/config-names.js";
import { ModelLoadConfig } from "../../src/pipeline/load-config.js";
import { ArgumentError } from "../../src/platform/arguments.js";
import { FileError } from "../../src/platform/errors.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const before = process.cwd();
let folder: string;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "named-configs-")));
  process.chdir(folder);
});

afterEach(() => {
  process.chdir(before);
  rmSync(folder, { recursive: true });
});

it("each load config of the package has its name", () => {
  const files = ["configs", "configs/laion"]
    .flatMap((folder) => readdirSync(join(root, folder)))
    .filter((file) => file.endsWith(".json") && !file.endsWith(".schema.json"));
  expect([...CONFIG_NAMES].sort()).toEqual(files.map((file) => file.replace(/\.json$/, "")).sort());
});

describe("a load config by its name", () => {
  it.each(CONFIG_NAMES)("is there, wherever the program runs: %s", async (name) => {
    const config = await ModelLoadConfig.named(name);
    expect(config.source).toBe(name);
    expect(config.data).toEqual((await ModelLoadConfig.fromJsonPath(join(root, configPath(name)))).data);
  });

  it("is that of the Shapes model where none is given, and its files open", async () => {
    const config = await ModelLoadConfig.named();
    const file = config.data.prior!.load_model_from;
    expect(config.describe(file)).toBe(join(root, "configs/shapes/prior.safetensors"));
    const source = await config.openFile(file);
    expect(source.size).toBeGreaterThan(1000);
    await source.close();
  });

  it("is none of other names", async () => {
    const error = await ModelLoadConfig.named("toString" as "shapes").catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ArgumentError);
    expect((error as Error).message).toMatch(/"toString".*shapes.*gradio/);
  });

  it("wins over a file of that name, which a path names", async () => {
    writeFileSync("gradio", "{}");
    expect((await ModelLoadConfig.open("gradio")).source).toBe("gradio");
    expect((await ModelLoadConfig.open("gradio")).data.prior).toBeDefined();
    expect((await ModelLoadConfig.open("./gradio")).data.prior).toBeUndefined();
  });

  it("is named where there is neither a name nor a file", async () => {
    const error = await ModelLoadConfig.open("gradioo").catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(FileError);
    expect((error as FileError).code).toBe("file/not-found");
    expect((error as FileError).message).toMatch(/^gradioo: there is no such file.*shapes, .*gradio/s);
  });

  const file: FileLocation = { load_type: "url", path: "https://example.org/model.pth", cache_dir: "./models" };
  const serve: typeof fetch = () => Promise.resolve(new Response("weights", { headers: { "content-length": "7" } }));
  const placeOf = async (config: ModelLoadConfig): Promise<string> => {
    const source = await config.openFile(file, { fetch: serve, cacheFolder: join(folder, "cache") });
    await source.close();
    const [found] = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".pth"));
    return found!;
  };

  it("keeps downloads in the user's cache, not in the package", async () => {
    expect(await placeOf(await ModelLoadConfig.named("gradio"))).toMatch(/^cache/);
  });

  it("keeps downloads in its cache_dir where that is in the working directory", async () => {
    mkdirSync("models");
    expect(await placeOf(await ModelLoadConfig.named("gradio"))).toBe(join("models", "model.pth"));
  });
});
