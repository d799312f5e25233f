import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ModelLoadConfig } from "../../../src/pipeline/load-config.js";
import { pipelineFolders } from "../../../src/pipeline/manager/pipeline-folders.js";
import { filesBelow, serveRepository } from "../../support/hub-server.js";
import { FaultServer } from "../../support/fault-server.js";
import { fixtureFolder } from "../../support/golden.js";

const root = await mkdtemp(join(tmpdir(), "pipeline-folders-"));
const DECODER = join(fixtureFolder("kandinsky-text-to-image"), "model");
const PRIOR = join(fixtureFolder("kandinsky-text-to-image"), "prior");
const KARLO = join(fixtureFolder("karlo-text-to-image"), "model");

let server: FaultServer;
let warnings: string[];

beforeEach(async () => {
  server = await FaultServer.start();
  vi.stubEnv("HF_ENDPOINT", server.url());
  vi.stubEnv("HF_HUB_CACHE", join(root, "none"));
  warnings = [];
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await server.close();
});

afterAll(() => rm(root, { recursive: true }));

/** The folders of a pipeline: name, and the models taken from it. */
async function foldersOf(config: ModelLoadConfig): Promise<(readonly [name: string, kinds: string])[]> {
  const options = {
    prefersF16: false,
    cacheFolder: await mkdtemp(join(root, "cache-")),
    patience: { attempts: 1, pause: 1 },
    onWarning: (warning: string) => warnings.push(warning),
  };
  const folders = await pipelineFolders(config, config.data.pipeline!, options);
  return folders.map(({ name, kinds }) => [name, kinds.join()]);
}

/** A new folder with copies of folders of models. */
async function place(folders: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(root, "place-"));
  for (const [name, from] of Object.entries(folders)) await cp(from, join(folder, name), { recursive: true });
  return folder;
}

const card = (prior: string): string => `---\nlicense: apache-2.0\nprior:\n- ${prior}\n---\n`;

/** The decoder of a fixture with another width of its image embeddings: its config says so, its weights do not. */
async function writeWidth(folder: string, width: number): Promise<void> {
  const file = join(folder, "unet/config.json");
  const config = JSON.parse(await readFile(file, "utf8")) as object;
  await writeFile(file, JSON.stringify({ ...config, encoder_hid_dim: width }));
}

describe("the folders of a decoder alone", () => {
  it("are its own and that beside it with the name of the prior's repository", async () => {
    const folder = await place({ decoder: DECODER, "my-prior": PRIOR, prior: KARLO });
    await writeFile(join(folder, "decoder/README.md"), card("org/my-prior"));
    expect(await foldersOf(await ModelLoadConfig.open(join(folder, "decoder")))).toEqual([
      [join(folder, "decoder"), "decoder"],
      [join(folder, "my-prior"), "prior,clip"],
    ]);
    expect(warnings).toEqual([]);
    expect(server.requests).toEqual([]);
  });

  it("are its own and that beside it with the name prior, also for the path of the index and in a load config", async () => {
    const folder = await place({ decoder: DECODER, prior: PRIOR });
    const expected = [
      [join(folder, "decoder"), "decoder"],
      [join(folder, "prior"), "prior,clip"],
    ];
    expect(await foldersOf(await ModelLoadConfig.open(join(folder, "decoder/model_index.json")))).toEqual(expected);
    await writeFile(join(folder, "config.json"), '{"pipeline": {"load_type": "local", "path": "decoder"}}');
    expect(await foldersOf(await ModelLoadConfig.open(join(folder, "config.json")))).toEqual(expected);
  });

  it("is its own alone if nobody knows its prior: none beside it, no card, another width", async () => {
    const folder = await place({ decoder: DECODER });
    await mkdir(join(folder, "prior"));
    expect(await foldersOf(await ModelLoadConfig.open(join(folder, "decoder")))).toEqual([
      [join(folder, "decoder"), "decoder"],
    ]);
    await cp(DECODER, join(folder, "prior"), { recursive: true });
    expect(await foldersOf(await ModelLoadConfig.open(join(folder, "decoder")))).toHaveLength(1);
  });

  it("are its own and the repository that its card names", async () => {
    const folder = await place({ decoder: DECODER });
    await writeFile(join(folder, "decoder/README.md"), card("org/my-prior"));
    serveRepository(server, { id: "org/my-prior", licence: "apache-2.0", files: filesBelow(PRIOR) });
    expect(await foldersOf(await ModelLoadConfig.open(join(folder, "decoder")))).toEqual([
      [join(folder, "decoder"), "decoder"],
      ["org/my-prior", "prior,clip"],
    ]);
    expect(warnings).toContainEqual(
      expect.stringMatching(/^org\/my-prior: .* to download, licence apache-2.0$/) as unknown,
    );
  });

  it("are its own and the published repository if there is no card and the width is that of the published prior", async () => {
    const folder = await place({ decoder: DECODER });
    await writeWidth(join(folder, "decoder"), 1280);
    const published = "kandinsky-community/kandinsky-2-2-prior";
    serveRepository(server, { id: published, files: filesBelow(PRIOR) });
    const folders = await foldersOf(await ModelLoadConfig.open(join(folder, "decoder")));
    expect(folders[1]).toEqual([published, "prior,clip"]);
  });
});

describe("the folder of a prior that is given", () => {
  it("comes before all others, also that of a folder with all models", async () => {
    const decoder = await ModelLoadConfig.open(DECODER, { prior: join(fixtureFolder("kandinsky-prior"), "model") });
    expect(await foldersOf(decoder)).toEqual([
      [DECODER, "decoder"],
      [join(fixtureFolder("kandinsky-prior"), "model"), "prior,clip"],
    ]);
    const variations = join(fixtureFolder("karlo-image-variation"), "model");
    const karlo = ModelLoadConfig.parse({
      pipeline: { load_type: "local", path: variations, prior: { load_type: "local", path: KARLO } },
    });
    expect(await foldersOf(karlo)).toEqual([
      [variations, "decoder"],
      [KARLO, "prior,clip"],
    ]);
  });

  it("must hold a prior", async () => {
    const config = await ModelLoadConfig.open(DECODER, { prior: DECODER });
    await expect(foldersOf(config)).rejects.toThrow(
      /its prior should be in .*, but that holds Kandinsky 2\.2's decoder/,
    );
    await expect(ModelLoadConfig.open(DECODER, { prior: "nowhere/at/all" })).rejects.toThrow(
      "is not a folder of models",
    );
  });

  it("is refused beside models that are in no folder", async () => {
    await expect(ModelLoadConfig.open("shapes", { prior: PRIOR })).rejects.toThrow(/shapes is no folder of models/);
  });
});
