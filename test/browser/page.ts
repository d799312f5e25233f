// Runs in the browser: the same sources as in Node, with the platform code for browsers.
import * as api from "../../src/index.js";
import type { AdapterDescription } from "../../src/gpu/adapter.js";
import { openGpu } from "../../src/gpu/open.js";
import { Arena } from "../../src/tensor/arena.js";
import type { VerifyResult } from "../../src/fixture/result.js";
import { selfTest, type SelfTestResult } from "../../src/verify/self-test.js";
import { verifyFixture } from "../../src/verify/verify.js";
import { STEPS } from "./few-steps.js";

const DECODER_STEPS = { steps: STEPS.decoderSteps };

/** An image as JSON. */
export interface Drawn {
  readonly width: number;
  readonly height: number;
  readonly data: readonly number[];
  /** Seconds from the call. */
  readonly seconds: number;
}

/** What is open. */
export interface Opened {
  readonly adapter: AdapterDescription;
  /** Name of the tuning table. */
  readonly tuning: string;
}

export interface SelfTested extends Opened {
  readonly results: SelfTestResult[];
}

export interface BrowserTests {
  runSelfTest(): Promise<SelfTested>;
  /** Fetches fixtures by byte ranges and runs them in f32. */
  verify(folders: readonly string[]): Promise<VerifyResult[]>;
  /** Starts a worker for `openShapes`. */
  startWorker(): Promise<void>;
  /** Opens the Shapes model by a load config for the calls below: in the page, or in a worker. */
  openShapes(config: unknown, where: "page" | "worker"): Promise<Opened>;
  /** Fetches the images for the calls below, by name. */
  fetchImages(urls: Readonly<Record<string, string>>): Promise<void>;
  draw(prompt: string, seed: number): Promise<Drawn>;
  /** A variation of an image. */
  vary(image: string, text: string, seed: number): Promise<Drawn>;
  /** Generates the free part of an image. Also returns the image itself. */
  inpaint(image: string, mask: string, text: string, seed: number): Promise<{ before: Drawn; after: Drawn }>;
  /** Upscales an image from half its size. */
  enlarge(image: string, text: string, seed: number): Promise<Drawn>;
  /** Aborts an image after some steps. Returns the message of the error, and the steps that were run. */
  abort(steps: number): Promise<{ message: string; steps: number }>;
  /** Destroys the device of the page. Returns whether there was one. */
  destroyDevice(): boolean;
  /** Generates an image, and returns the code of the error. */
  failToDraw(): Promise<string | undefined>;
}

type Manager = api.DalleModelManager | api.RemoteManager;
type Scripts = api.LibraryScripts;

let models: Manager | undefined;
let client: api.WorkerClient | undefined;
const images = new Map<string, api.Image>();

function opened(): Manager {
  if (!models) throw new Error("Call openShapes first.");
  return models;
}

/** A script of the models, wherever they are. */
function script<Name extends keyof Scripts>(name: Name): api.RemoteScript<Scripts[Name]> {
  const manager = opened();
  const one: unknown = manager instanceof api.DalleModelManager ? new api[name](manager) : manager.script(name);
  return one as api.RemoteScript<Scripts[Name]>;
}

async function timed(work: () => Promise<api.Image>): Promise<Drawn> {
  const start = performance.now();
  const { width, height, data } = await work();
  return { width, height, data: [...data], seconds: (performance.now() - start) / 1000 };
}

const rgb = (name: string): api.RgbImage => api.removeAlpha(images.get(name)!);

const tests: BrowserTests = {
  async runSelfTest() {
    using gpu = await openGpu();
    return { adapter: gpu.adapter, tuning: gpu.tuning.id, results: await selfTest(gpu) };
  },

  async verify(folders) {
    using gpu = await openGpu();
    const arena = new Arena(gpu.stream(), "f32");
    const results: VerifyResult[] = [];
    for (const folder of folders) results.push(await verifyFixture(folder, () => Promise.resolve({ gpu, arena })));
    return results;
  },

  async startWorker() {
    client = api.createWorkerClient();
    await client.listCache();
  },

  async openShapes(config, where) {
    models?.dispose();
    models =
      where === "page"
        ? await api.DalleModelManager.create(api.ModelLoadConfig.parse(config))
        : await client!.open({ data: config });
    await Promise.all([models.load(), models.warmup(STEPS)]);
    const { adapter, tuning } = models.gpu;
    return { adapter, tuning: tuning.id };
  },

  async fetchImages(urls) {
    for (const [name, url] of Object.entries(urls)) {
      images.set(name, await api.decodeImage(new Uint8Array(await (await fetch(url)).arrayBuffer())));
    }
  },

  draw: (prompt, seed) =>
    timed(async () => {
      const images = await script("BasicInference").run(prompt, { ...STEPS, seed });
      return images.get(0)!.get(0)![0]!;
    }),

  vary: (image, text, seed) =>
    timed(async () => {
      const options = { ...DECODER_STEPS, text, seed };
      return (await script("ImageVariation").run([rgb(image)], options)).get(0)![0]!;
    }),

  async inpaint(image, mask, text, seed) {
    const [before, kept] = [rgb(image), api.maskFromImage(images.get(mask)!)];
    const after = await timed(async () => {
      const options = { ...STEPS, seed, resampleTimes: 2 };
      return (await script("BasicInpainting").run([before], [kept], text, options)).get(0)![0]!;
    });
    return { before: await timed(() => Promise.resolve(before)), after };
  },

  enlarge: (image, text, seed) =>
    timed(async () => {
      const large = rgb(image);
      const small = api.resizeLanczos(large, large.width / 2, large.height / 2);
      return (await script("Upscale").run([small], { text, seed, steps: 2 })).get(0)![0]!;
    }),

  async abort(stop) {
    const controller = new AbortController();
    let steps = 0;
    const onProgress = () => {
      if (++steps === stop) controller.abort(new Error("enough"));
    };
    const run = script("BasicInference").run("a red circle", { ...STEPS, onProgress, signal: controller.signal });
    const error = await run.then(
      () => new Error("was not aborted"),
      (reason: unknown) => reason as Error,
    );
    return { message: error.message, steps };
  },

  destroyDevice() {
    const manager = opened();
    if (!(manager instanceof api.DalleModelManager)) return false;
    (manager.gpu.device as GPUDevice).destroy();
    return true;
  },

  async failToDraw() {
    const error = await tests.draw("a red circle", 1).catch((reason: unknown) => reason);
    return error instanceof api.Dalle2Error ? error.code : undefined;
  },
};

// Bundles the whole package, to test that no part of it needs Node.
Object.assign(globalThis, { tests, api });
