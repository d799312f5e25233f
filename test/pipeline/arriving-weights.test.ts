// Weights that go to the GPU while their file is downloaded.
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ModelLoadConfig } from "../../src/pipeline/load-config.js";
import type { LoadProgress } from "../../src/pipeline/manager/loading-options.js";
import { DalleModelManager, type ManagerOptions } from "../../src/pipeline/manager/model-manager.js";
import { FaultServer, holdAfter } from "../support/fault-server.js";
import { sharedGpu } from "../support/gpu.js";

const MODELS = ["clip", "prior", "decoder"] as const;
type Model = (typeof MODELS)[number];

let server: FaultServer;
let folder: string;
let manager: DalleModelManager | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "arriving-weights-"));
  server = await FaultServer.start();
  for (const model of MODELS) {
    const content = await readFile(`configs/shapes/${model}.safetensors`);
    server.files.set(`/${model}.safetensors`, { content, etag: `"${model}"` });
  }
});

afterEach(async () => {
  manager?.dispose();
  manager = undefined;
  await server.close();
  // Downloads that were disposed may be ending.
  await rm(folder, { recursive: true, maxRetries: 5 });
});

/** Opens the Shapes model from the server. `sums` has checksums of models. */
async function open(options: ManagerOptions = {}, sums: Partial<Record<Model, string>> = {}) {
  const data = JSON.parse(await readFile("configs/shapes.json", "utf8")) as {
    prior: object;
    decoder: { unet_sources: [object] };
    clip: object;
  };
  const from = (model: Model) => {
    const sum = sums[model];
    if (sum !== undefined) server.files.set(`/${model}.sum`, { content: Buffer.from(sum) });
    const checksum = sum === undefined ? {} : { checksum_file_path: server.url(`/${model}.sum`) };
    return { load_model_from: { load_type: "url", path: server.url(`/${model}.safetensors`), ...checksum } };
  };
  const config = ModelLoadConfig.parse({
    ...data,
    prior: { ...data.prior, ...from("prior") },
    decoder: { unet_sources: [{ ...data.decoder.unet_sources[0], ...from("decoder") }] },
    clip: { ...data.clip, ...from("clip") },
  });
  const patience = { attempts: 2, pause: 1 };
  const all = { dtype: "f32", cacheFolder: folder, patience, onWarning: () => undefined, ...options } as const;
  manager = await DalleModelManager.create(config, { gpu: await sharedGpu(), ...all });
  return manager;
}

/** Sends a model up to its last bytes, and these once `until` resolves. */
function hold(model: Model, until: Promise<unknown>, last = 1000): void {
  const { content } = server.files.get(`/${model}.safetensors`)!;
  server.choose = ({ range }, path) =>
    path === `/${model}.safetensors` && range !== "bytes=0-0" ? holdAfter(content.length - last, until) : undefined;
}

const isOf = (model: Model) => (file: string) => file.endsWith(`${model}.safetensors`) && !file.startsWith("http");
const kept = async () => (await readdir(folder)).filter((name) => name.endsWith(".safetensors")).length;

it("come to the GPU before the last bytes of their file are sent, and are used once these are verified", async () => {
  let release = (): void => undefined;
  const sent = new Promise<void>((resolve) => (release = resolve));
  hold("decoder", sent, 20_000);
  const loaded: LoadProgress[] = [];
  const models = await open({
    onProgress: (progress) => {
      if (isOf("decoder")(progress.file)) loaded.push(progress);
    },
  });
  expect(models.decoder!.unets).toHaveLength(2);
  let isLoaded = false;
  const loading = models.load().then(() => (isLoaded = true));
  const { liveBytes } = models.gpu.memory();
  // The first U-Net, whose weights come first in the file, is on the GPU.
  while (!loaded.some(({ loadedBytes, totalBytes }) => loadedBytes === totalBytes)) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(loaded.length).toBeGreaterThan(20);
  expect(models.gpu.memory().liveBytes).toBeGreaterThan(liveBytes);
  expect([isLoaded, await kept()]).toEqual([false, 2]);
  release();
  await loading;
  expect(await kept()).toBe(3);
  expect(server.requests.map(({ path }) => path).filter((path) => path.startsWith("/decoder"))).toHaveLength(2);
});

it("leave the GPU if the checksum of their file is wrong, which the load and later calls say", async () => {
  const wrong = "0".repeat(64);
  const right = createHash("sha256").update(server.files.get("/clip.safetensors")!.content).digest("hex");
  const models = await open({}, { clip: right, decoder: wrong });
  const error: unknown = await models.load().catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: "file/checksum" });
  expect(String(error)).toMatch(
    /decoder\.safetensors: its SHA-256 is .*, not 0{64} as .*decoder\.sum says; .*nothing was saved/,
  );
  // The downloads of the others may end after that of the decoder.
  await expect.poll(kept).toBe(2);
  const unets = models.models.decoder!.components;
  expect(unets.map(({ weights }) => weights.isLoaded)).toEqual([false, false]);
  await expect(models.useCascade(unets[0]!.name, () => Promise.resolve())).rejects.toMatchObject({
    code: "file/checksum",
  });
  expect(unets.map(({ weights }) => weights.isLoaded)).toEqual([false, false]);
});

it("are loaded again from where their download was when an abort paused it", async () => {
  hold("decoder", new Promise(() => undefined), 1_000_000);
  const models = await open();
  const stop = new AbortController();
  const loading = models.load(stop.signal);
  const { content } = server.files.get("/decoder.safetensors")!;
  const size = async (): Promise<number> => {
    const name = (await readdir(folder)).find((one) => /decoder.*\.part$/.test(one));
    return name === undefined ? 0 : (await stat(join(folder, name))).size;
  };
  while ((await size()) < content.length - 1_000_000) await new Promise((resolve) => setTimeout(resolve, 20));
  stop.abort(new Error("enough"));
  await expect(loading).rejects.toThrow("enough");
  server.choose = () => undefined;
  await models.load();
  expect(server.transfers("/decoder.safetensors").map(({ range }) => range)).toEqual([
    "bytes=0-",
    `bytes=${content.length - 1_000_000}-`,
  ]);
  expect(await kept()).toBe(3);
});

/** Sends models up to the last `last` bytes, and never these. Returns promises of the ends of the connections, one for each. */
function holdForGood(last: number, ...held: readonly Model[]): Map<Model, Promise<unknown>> {
  const closed = new Map<Model, Promise<unknown>>();
  server.choose = ({ range }, path) => {
    const model = held.find((one) => path === `/${one}.safetensors`);
    if (!model || range === "bytes=0-0" || closed.has(model)) return undefined;
    return (exchange) => {
      closed.set(model, once(exchange.response, "close"));
      return holdAfter(exchange.file.content.length - last, new Promise(() => undefined))(exchange);
    };
  };
  return closed;
}

it("are not downloaded any more once the models are disposed", async () => {
  const closed = holdForGood(1_000_000, "decoder");
  const models = await open();
  models.dispose();
  // The connection.
  await closed.get("decoder");
  expect([...closed.keys()]).toEqual(["decoder"]);
});

it.each([
  ["reads their file", 1_000_000],
  ["waits for the rest of their file", 20_000],
])("are not downloaded again by a load that %s when the models are disposed", async (_, last) => {
  const closed = holdForGood(last, "decoder");
  const models = await open();
  const [first, second] = models.models.decoder!.components;
  const loading = models.load(undefined, last === 20_000 ? [second!.name] : []).catch((reason: unknown) => reason);
  // The weights of the first U-Net come before the last 20 kB, but not before the last megabyte.
  const before = last === 20_000 ? first! : models.models.prior!.components[0]!;
  while (!before.weights.isLoaded) await new Promise((resolve) => setTimeout(resolve, 20));
  await new Promise((resolve) => setTimeout(resolve, 100));
  const { length } = server.requests;
  models.dispose();
  expect(await loading).toMatchObject({ code: "manager/disposed" });
  await closed.get("decoder");
  // A request that begins again would come now.
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(server.requests.slice(length)).toEqual([]);
});

it("of all files stop to arrive when their load is aborted, and come with the next", async () => {
  const closed = holdForGood(20_000, "prior", "decoder");
  const models = await open();
  const stop = new AbortController();
  const loading = models.load(stop.signal);
  while (closed.size < 2) await new Promise((resolve) => setTimeout(resolve, 20));
  stop.abort(new Error("enough"));
  await expect(loading).rejects.toThrow("enough");
  await Promise.all(closed.values());
  await models.load();
  expect(await kept()).toBe(3);
});

it("that are no checkpoint are refused for their checksum, if that is wrong too", async () => {
  const content = Buffer.from("<html>Please log in.</html>");
  server.files.set("/prior.safetensors", { content, etag: '"page"' });
  await expect(open()).rejects.toMatchObject({ code: "format/invalid" });
  await expect(open({}, { prior: "0".repeat(64) })).rejects.toMatchObject({ code: "file/checksum" });
});
