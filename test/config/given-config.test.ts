// Load configs among files that a user of a page picked or dropped.
import { describe, expect, it } from "vitest";
import { ConfigError } from "../../src/config/config-error.js";
import type { FileLocation } from "../../src/config/load-config-data.js";
import type { GivenFolder } from "../../src/files/folder/given-folder.js";
import { ModelLoadConfig } from "../../src/pipeline/load-config.js";
import { folderHandle, pickedFiles } from "../support/folder-handle.js";

const local = (path: string): FileLocation => ({ load_type: "local", path });
const config = (path: string): string => JSON.stringify({ prior: { load_model_from: local(path) } });
const blobs = (files: Readonly<Record<string, string>>): Map<string, Blob> =>
  new Map(Object.entries(files).map(([path, content]) => [path, new Blob([content])]));

async function read(opened: ModelLoadConfig, path: string) {
  const source = await opened.openFile(local(path));
  return { name: source.name, text: new TextDecoder().decode(await source.read(0, source.size)) };
}

const FILES = new Map([
  ["train.json", JSON.stringify({ prior: { net: { depth: 1 } } })],
  ["index.json", JSON.stringify({ weight_map: {} })],
  ["broken.json", "{"],
  ["models.json", config("weights/prior.pth")],
  ["weights/prior.pth", "the prior"],
  ["more/other.json", config("../weights/prior.pth")],
]);

const FOLDERS: readonly (readonly [kind: string, folder: GivenFolder])[] = [
  ["a handle", folderHandle("mine", FILES)],
  ["the files of an input", pickedFiles("mine", FILES)],
];

describe.each(FOLDERS)("a load config in %s", (_, folder) => {
  it("is the only one there, and names files beside it", async () => {
    const opened = await ModelLoadConfig.open(folder);
    expect(opened.source).toBe("mine/models.json");
    expect(opened.data.prior?.load_model_from.path).toBe("weights/prior.pth");
    expect(await read(opened, "weights/prior.pth")).toEqual({ name: "mine/weights/prior.pth", text: "the prior" });
    expect(opened.describe(local("./weights/prior.pth"))).toBe("mine/weights/prior.pth");
  });

  it("is chosen by its path, and names files of the folder, but none outside", async () => {
    const opened = await ModelLoadConfig.open({ folder, path: "more/other.json" });
    expect(opened.source).toBe("mine/more/other.json");
    expect((await read(opened, "../weights/prior.pth")).text).toBe("the prior");
    for (const path of ["../../weights/prior.pth", "/weights/prior.pth", "..\\weights\\prior.pth"]) {
      await expect(read(opened, path)).rejects.toThrow(`${path}: is not in mine`);
    }
  });

  it("is content with the folder as its source", async () => {
    const opened = ModelLoadConfig.parse(JSON.parse(FILES.get("models.json")!), folder);
    expect(await opened.readJson(local("more/other.json"))).toMatchObject({ prior: {} });
    await expect(read(opened, "none.pth")).rejects.toMatchObject({ code: "file/not-found", location: "mine/none.pth" });
  });
});

describe("a folder", () => {
  it("without a load config is refused", async () => {
    const folder = blobs({ "a.json": "[]", "b.json": "{}", "inner/models.json": config("x.pth") });
    await expect(ModelLoadConfig.open(folder)).rejects.toMatchObject({
      code: "file/not-found",
      message: expect.stringContaining("has no load config and no model_index.json") as string,
    });
  });

  it("with several asks which", async () => {
    const folder = blobs({ "b.json": config("b.pth"), "a.json": config("a.pth") });
    await expect(ModelLoadConfig.open(folder)).rejects.toThrow(
      'has several load configs: a.json, b.json; choose one: { folder, path: "a.json" }',
    );
  });

  it("with one JSON file says what is wrong with that", async () => {
    await expect(ModelLoadConfig.open(blobs({ "a.json": "{" }))).rejects.toThrow(ConfigError);
    await expect(ModelLoadConfig.open(blobs({ "a.json": FILES.get("train.json")! }))).rejects.toThrow(
      "a.json is not a load config: it is a train config",
    );
  });
});

describe("a file", () => {
  it("is a load config, which the page has no other files of", async () => {
    const opened = await ModelLoadConfig.open(new File([config("x.pth")], "models.json"));
    expect(opened.source).toBe("models.json");
    await expect(read(opened, "x.pth")).rejects.toMatchObject({ code: "file/not-found", location: "x.pth" });
    await expect(ModelLoadConfig.open(new Blob(["[1]"]))).rejects.toThrow("blob is not a load config: it is a list");
  });
});
