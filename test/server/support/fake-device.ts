import { DeviceLostError } from "../../../src/gpu/errors.js";
import type { StageInfo } from "../../../src/models/stage-info.js";
import type { ImageSize } from "../../../src/pipeline/canvas-options.js";
import { DataRequirements } from "../../../src/pipeline/data-requirements.js";
import type { GeneratedImage } from "../../../src/pipeline/generated-image.js";
import type { GeneratedOn } from "../../../src/pipeline/records/image-record.js";
import type { BasicInferenceOptions } from "../../../src/pipeline/scripts/basic-inference.js";
import type { ImageRequest } from "../../../src/requests/request.js";
import type { ScriptSource } from "../../../src/requests/run.js";
import type {
  HostDevice,
  HostedModel,
  ModelFacts,
  ModelMemory,
  OpenModel,
  OpenOptions,
} from "../../../src/server/local/host-device.js";

/** A call of a script: what it was asked for. */
export interface FakeCall {
  readonly model: string;
  readonly prompts: readonly string[];
  readonly seeds: readonly number[];
  readonly batchSize: number;
  /** Why it ended early; undefined if it did not. */
  failure?: unknown;
}

const MIB = 2 ** 20;

/** Memory of a model of 100 MiB of weights, which takes 10 MiB for each image. */
export const MEMORY: ModelMemory = {
  weightBytes: 100 * MIB,
  images: 10,
  loadedBytes: [110 * MIB, 200 * MIB],
  offloadBytes: [60 * MIB, 150 * MIB],
};

const SIDE = 4;

/** The machine of fake devices: what they share, and what tests change. */
export class FakeMachine {
  /** Devices that were opened. */
  readonly devices: FakeDevice[] = [];
  /** Calls of scripts, in the order in which they began. */
  readonly calls: FakeCall[] = [];
  /** Openings of models: name and offload. */
  readonly openings: string[] = [];
  /** Descriptions that were read. */
  readonly described: string[] = [];
  memoryBytes: number | undefined;
  /** Memory of models by name. Default: `MEMORY`. */
  memory: Readonly<Record<string, ModelMemory>> = {};
  /** Plans for sizes of images that were made: name and size. */
  readonly planned: string[] = [];
  /** What the U-Net of all models has beside what it has by default. */
  unet: Partial<StageInfo> = {};
  /** Sampling steps of a call. */
  steps = 4;
  /** Runs before each step; what it throws or rejects with, the call rejects with. */
  onStep: (call: FakeCall, step: number) => void | Promise<void> = () => undefined;
  /** What the opening of a model throws. */
  openFailure: (name: string) => Error | undefined = () => undefined;
  /** Images that the memory has room for at once. */
  roomFor = Infinity;
  /** Whether devices can be opened. */
  hasGpu = true;

  readonly open = (): Promise<FakeDevice> => {
    if (!this.hasGpu) return Promise.reject(new Error("no adapter"));
    const device = new FakeDevice(this);
    this.devices.push(device);
    return Promise.resolve(device);
  };

  get device(): FakeDevice {
    return this.devices.at(-1)!;
  }
}

export class FakeDevice implements HostDevice {
  readonly adapter = {
    vendor: "fake",
    architecture: "",
    device: "",
    description: "a fake adapter",
    implementation: "none",
    isSoftware: true,
  };
  readonly tuning = "fake";
  readonly lost: Promise<string>;
  readonly open_ = new Set<FakeModel>();
  isGone = false;
  #lose!: (reason: string) => void;

  constructor(readonly machine: FakeMachine) {
    this.lost = new Promise((resolve) => (this.#lose = resolve));
  }

  get memoryBytes(): number | undefined {
    return this.machine.memoryBytes;
  }

  get usedBytes(): number {
    return this.open_.size * 100 * MIB;
  }

  describe({ name }: HostedModel): Promise<ModelFacts> {
    this.machine.described.push(name);
    const needs = { imageEmbedding: true, textEncoding: false, image: false, imageSize: 0 };
    const unet = {
      name: "U-Net 1",
      imageSize: SIDE,
      takesText: false,
      takesImageEmbed: true,
      textShape: undefined,
      imageEmbedDim: 8,
      isTrained: true,
      components: ["U-Net 1"],
      ...this.machine.unet,
    };
    return Promise.resolve({
      prior: undefined,
      decoder: {
        family: "fake",
        versions: [],
        unets: [unet],
        settings: [{ steps: 4, condScale: 1, sampler: "ddim" }],
        requirements: new DataRequirements(needs, false),
      },
      clip: undefined,
      defaults: { prior: {}, decoder: {} },
      dtype: "f32",
      memory: this.machine.memory[name] ?? MEMORY,
    });
  }

  /** Images take memory by their pixels. */
  async planMemory({ name }: HostedModel, _: unknown, { width, height }: ImageSize): Promise<ModelMemory> {
    await new Promise((resolve) => setTimeout(resolve, 1));
    this.machine.planned.push(`${name} ${width}x${height}`);
    const memory = this.machine.memory[name] ?? MEMORY;
    const larger = ([one, many]: readonly [number, number]) =>
      [one, one + ((many - one) * width * height) / SIDE ** 2] as const;
    return { ...memory, loadedBytes: larger(memory.loadedBytes), offloadBytes: larger(memory.offloadBytes) };
  }

  async open({ name }: HostedModel, { offload, onFraction, signal }: OpenOptions): Promise<OpenModel> {
    const failure = this.machine.openFailure(name);
    if (failure) throw failure;
    this.machine.openings.push(`${name} ${offload}`);
    onFraction(0.5);
    await new Promise((resolve) => setTimeout(resolve, 1));
    signal?.throwIfAborted();
    const model = new FakeModel(name, this);
    this.open_.add(model);
    onFraction(1);
    return model;
  }

  /** The driver loses it. */
  lose(): void {
    this.isGone = true;
    this.#lose("unknown: the driver was reset");
  }

  dispose(): void {
    this.isGone = true;
    this.#lose("destroyed: ");
  }

  check(): void {
    if (this.isGone) throw new DeviceLostError("unknown", "the driver was reset");
  }
}

export const GENERATED_ON: GeneratedOn = {
  software: "a test",
  model: { files: [] },
  adapter: "a fake adapter",
  dtype: "f32",
  weights: "full",
  tuning: "fake",
};

class FakeModel implements OpenModel {
  readonly generatedOn = GENERATED_ON;
  readonly scripts: ScriptSource;
  offloads = 0;

  constructor(
    private readonly name: string,
    private readonly device: FakeDevice,
  ) {
    this.scripts = { script: (name) => ({ run: (...args: unknown[]) => this.#run(name, args) }) as never };
  }

  warningsFor({ parameters: { prompts } }: ImageRequest): Promise<readonly string[]> {
    return Promise.resolve(prompts.filter((prompt) => prompt.includes("long")).map((prompt) => `"${prompt}" is long.`));
  }

  offloadIdle(): void {
    this.offloads++;
  }

  dispose(): void {
    this.device.open_.delete(this);
  }

  /** Runs any script: the last argument has its options. */
  async #run(name: string, args: readonly unknown[]): Promise<unknown> {
    const options = args.at(-1) as BasicInferenceOptions & { readonly frames?: number; readonly seed?: number };
    const { seeds, seed = 0, frames = 10 } = options;
    const own = seeds ?? Array.from({ length: frames }, (_, i) => seed + i);
    const texts = name === "BasicInference" ? (args[0] as readonly string[]) : own.map(() => name);
    const images = await this.#create(texts, { ...options, seeds: own });
    if (name === "BasicInference") return images;
    const inOrder = [...images.values()].flatMap((one) => [...one.values()]);
    return name === "Interpolate" ? inOrder.flat() : new Map(inOrder.entries());
  }

  /** Images of one colour each, which follows from the seed. */
  async #create(texts: readonly string[], options: BasicInferenceOptions) {
    const { seeds = [], decoderBatchSize = 10, onImage, signal } = options;
    const { machine } = this.device;
    const call: FakeCall = { model: this.name, prompts: texts, seeds, batchSize: decoderBatchSize };
    machine.calls.push(call);
    const size = Math.min(decoderBatchSize, machine.roomFor);
    const result = new Map<number, Map<number, GeneratedImage[]>>();
    try {
      for (let start = 0; start < texts.length; start += size) {
        const rows = seeds.slice(start, start + size).map(imageOf);
        await this.#sample(call, options, rows, start, Math.ceil(texts.length / size));
        for (const [i, image] of rows.entries()) {
          await onImage?.(image, start + i);
          result.set(start + i, new Map([[start + i, [image]]]));
        }
      }
    } catch (error) {
      call.failure = error;
      throw error;
    } finally {
      signal?.throwIfAborted();
    }
    return result;
  }

  async #sample(
    call: FakeCall,
    { signal, onProgress, previewEvery }: BasicInferenceOptions,
    rows: readonly GeneratedImage[],
    start: number,
    batches: number,
  ): Promise<void> {
    const { machine } = this.device;
    for (let step = 1; step <= machine.steps; step++) {
      await new Promise((resolve) => setImmediate(resolve));
      signal?.throwIfAborted();
      await machine.onStep(call, step);
      signal?.throwIfAborted();
      this.device.check();
      const isShown = previewEvery !== undefined && step % previewEvery === 0;
      const preview = isShown ? { preview: rows, previewIndex: start } : {};
      const progress = { phase: "decoder", unetNumber: 1, step, steps: machine.steps, batch: 1, batches } as const;
      onProgress?.({ ...progress, millisecondsLeft: 10, ...preview });
    }
  }
}

function imageOf(seed: number): GeneratedImage {
  const data = new Uint8Array(SIDE * SIDE * 3).fill(seed % 256);
  return { width: SIDE, height: SIDE, channels: 3, data, seed, parameters: { script: "Fake", tuning: "fake" } };
}
