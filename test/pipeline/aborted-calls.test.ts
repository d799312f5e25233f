// Calls of models in folders that end early, at any place: they leave no GPU memory behind.
import { join } from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import { CommandStream } from "../../src/gpu/stream.js";
import { makeImage } from "../../src/image/image.js";
import { ModelLoadConfig } from "../../src/pipeline/load-config.js";
import { DalleModelManager } from "../../src/pipeline/manager/model-manager.js";
import { BasicInference } from "../../src/pipeline/scripts/basic-inference.js";
import { BasicInpainting } from "../../src/pipeline/scripts/basic-inpainting.js";
import { Embed } from "../../src/pipeline/scripts/embed.js";
import { ImageVariation } from "../../src/pipeline/scripts/image-variation.js";
import { Random, sharedGpu } from "../support/gpu.js";
import { fixtureFolder } from "../support/golden.js";
import { folderConfig } from "../support/karlo.js";
import { kandinskyConfig } from "../support/kandinsky.js";

const bytes = new Random(1);
const photo = makeImage(
  24,
  16,
  3,
  Uint8Array.from({ length: 24 * 16 * 3 }, () => bytes.integer(0, 255)),
);
const mask = new Uint8Array(24 * 16).fill(1, 0, 200);
const few = { priorSteps: 2, decoderSteps: 2, seed: 1 };

const ofKandinsky = (decoder: string) => ModelLoadConfig.parse(kandinskyConfig(decoder), "load config");
const ofStableUnclip = (fixture: string) => folderConfig(join(fixtureFolder(fixture), "model"));

type Call = (manager: DalleModelManager, options: { readonly signal: AbortSignal }) => Promise<unknown>;

const CALLS: readonly (readonly [name: string, config: () => ModelLoadConfig, call: Call])[] = [
  [
    "Kandinsky, from text and an image",
    () => ofKandinsky("kandinsky-img2img"),
    (manager, options) =>
      new BasicInference(manager).run("a cat", {
        ...few,
        ...options,
        initImages: photo,
        strength: 1,
        negativeText: "dark",
        previewEvery: 1,
      }),
  ],
  [
    "Kandinsky, inpainting",
    () => ofKandinsky("kandinsky-inpaint"),
    (manager, options) => new BasicInpainting(manager).run([photo], [mask], ["a cat"], { ...few, ...options }),
  ],
  [
    "Kandinsky, a hint",
    () => ofKandinsky("kandinsky-controlnet"),
    (manager, options) =>
      new ImageVariation(manager, { onWarning: () => undefined }).run([photo], {
        steps: 2,
        seed: 1,
        hint: photo,
        ...options,
      }),
  ],
  [
    "Kandinsky, a mixture",
    () => ofKandinsky("kandinsky-text-to-image"),
    (manager, options) => new Embed(manager).mix(["a cat", photo], [0.5, 0.5], { steps: 2, seed: 1, ...options }),
  ],
  [
    "Stable unCLIP, a variation",
    () => ofStableUnclip("stable-unclip-image-variation"),
    (manager, options) =>
      new ImageVariation(manager).run([photo], { steps: 3, seed: 1, noiseLevel: 9, previewEvery: 1, ...options }),
  ],
  [
    "Stable unCLIP, from text and an image",
    () => ofStableUnclip("stable-unclip-text-to-image"),
    (manager, options) =>
      new BasicInference(manager).run("a cat", { ...few, ...options, initImages: photo, strength: 1 }),
  ],
];

const managers: DalleModelManager[] = [];
afterAll(() => {
  for (const manager of managers) manager.dispose();
});

/** A signal that is aborted when it is asked for the `last` time. */
function signalAt(last: number): { readonly signal: AbortSignal; readonly asked: () => number } {
  const abort = new AbortController();
  const { signal } = abort;
  let asked = 0;
  const throwIfAborted = signal.throwIfAborted.bind(signal);
  signal.throwIfAborted = () => {
    if (++asked === last) abort.abort(new Error("enough"));
    throwIfAborted();
  };
  return { signal, asked: () => asked };
}

/** What runs a kernel. */
const runKernel = Object.getOwnPropertyDescriptor(CommandStream.prototype, "dispatch")!.value as (
  this: CommandStream,
  ...args: unknown[]
) => void;

describe.each(CALLS)("%s", (_, config, call) => {
  async function open(): Promise<{ manager: DalleModelManager; live: () => unknown }> {
    const gpu = await sharedGpu();
    const manager = await DalleModelManager.create(config(), { gpu, dtype: "f32" });
    managers.push(manager);
    // The first call uploads the weights, which stay.
    await call(manager, { signal: new AbortController().signal });
    return { manager, live: () => gpu.memory().live };
  }

  it("frees everything wherever it is aborted", async () => {
    const { manager, live } = await open();
    const before = live();
    const whole = signalAt(Infinity);
    await call(manager, whole);
    expect(live()).toEqual(before);
    expect(whole.asked()).toBeGreaterThan(3);
    for (let last = 1; last <= whole.asked(); last++) {
      await expect(call(manager, signalAt(last)), `check ${last}`).rejects.toThrow("enough");
      expect(live(), `check ${last}`).toEqual(before);
    }
  });

  it("frees everything wherever a kernel fails", async () => {
    const { manager, live } = await open();
    const before = live();
    const dispatch = vi.spyOn(CommandStream.prototype, "dispatch");
    const signal = new AbortController().signal;
    await call(manager, { signal });
    const { length } = dispatch.mock.calls;
    dispatch.mockRestore();
    for (let place = 1; place <= length; place += Math.ceil(length / 12)) {
      let done = 0;
      const failing = vi.spyOn(CommandStream.prototype, "dispatch").mockImplementation(function (
        this: CommandStream,
        ...args
      ) {
        if (++done === place) throw new Error("broken kernel");
        runKernel.apply(this, args);
      });
      await expect(call(manager, { signal }), `kernel ${place}`).rejects.toThrow("broken kernel");
      failing.mockRestore();
      expect(live(), `kernel ${place}`).toEqual(before);
    }
  });
});
