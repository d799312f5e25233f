// A server as the engine: models of `dalle2 serve`. What needs no GPU is done in this browser.
import { DataRequirements, removeAlpha, type GeneratedImage, type RgbImage, type ScriptProgress } from "dalle2-webgpu";
import type { ImageRequest } from "dalle2-webgpu/requests";
import type { ServedEvent, ServedModelInfo, ServerApi } from "../server/api.js";
import type { Engine, JobEvents, OpenModel } from "./engine.js";

/** Sampling steps between two previews. */
const PREVIEW_EVERY = 2;

/** Models of a server have this scheme, in place of a URL. */
const SCHEME = "served:";

/** How `Engine.open` names a model of the server. */
export function servedConfig(name: string): string {
  return SCHEME + name;
}

/** The name of a model of the server; undefined for other models. */
export function servedName(config: unknown): string | undefined {
  return typeof config === "string" && config.startsWith(SCHEME) ? config.slice(SCHEME.length) : undefined;
}

/** What images need of the browser's own engine. */
type Codec = Pick<Engine, "decodeImage" | "encodeImage">;

/** An engine that computes models of a server there, and all others as `browser` does. */
export function createServerEngine(api: ServerApi, browser: Engine): Engine {
  return {
    ...browser,
    open: async (config, options = {}) => {
      const name = servedName(config);
      return name === undefined ? browser.open(config, options) : openServed(api, browser, name, options.signal);
    },
  };
}

async function openServed(api: ServerApi, codec: Codec, name: string, signal?: AbortSignal): Promise<OpenModel> {
  const { device, prior, decoder, clip, dtype } = await api.model(name, signal);
  /** Files of images, with their records. */
  const files = new WeakMap<GeneratedImage, Blob>();
  return {
    device,
    prior: withRequirements(prior),
    decoder: withRequirements(decoder),
    clip,
    dtype,
    run: async (request, events) => {
      const run = new ServedRun(codec, events, (image, file) => files.set(image, file));
      const form = await formOf(codec, name, request);
      events.signal.throwIfAborted();
      for await (const event of api.run(form, events.signal)) await run.take(event);
      return run.images;
    },
    encode: (image) => {
      const file = files.get(image);
      return file ? Promise.resolve(file) : Promise.reject(new Error("This image is not of this model."));
    },
    // The server frees its models by itself.
    dispose: () => undefined,
  };
}

function withRequirements<Info extends NonNullable<ServedModelInfo["prior"] | ServedModelInfo["decoder"]>>(
  info: Info | undefined,
) {
  if (!info) return undefined;
  const { needs, canGenerateEmbedding } = info.requirements;
  return { ...info, requirements: new DataRequirements(needs, canGenerateEmbedding) };
}

/** A request as a form: pixels as PNG files, which keep them exactly. */
async function formOf(
  codec: Codec,
  model: string,
  { images, mask, hint, ...request }: ImageRequest,
): Promise<FormData> {
  const form = new FormData();
  form.set("request", JSON.stringify({ ...request, model, previewEvery: PREVIEW_EVERY }));
  for (const image of images) form.append("image", await codec.encodeImage(image), "image.png");
  const [image] = images;
  if (mask && image) form.set("mask", await codec.encodeImage(maskImage(mask, image)), "mask.png");
  if (hint) form.set("hint", await codec.encodeImage(hint), "hint.png");
  return form;
}

/** A mask as an image: transparent where pixels are generated. */
function maskImage(mask: Uint8Array, { width, height }: RgbImage) {
  const data = new Uint8Array(width * height * 4);
  for (let i = 0; i < mask.length; i++) data[i * 4 + 3] = mask[i] === 1 ? 255 : 0;
  return { width, height, channels: 4, data } as const;
}

/** A job of the server: its events become those of the app. */
class ServedRun {
  readonly images: GeneratedImage[] = [];
  #progress: ScriptProgress | undefined;

  constructor(
    private readonly codec: Codec,
    private readonly events: JobEvents,
    private readonly keepFile: (image: GeneratedImage, file: Blob) => void,
  ) {}

  async take(event: ServedEvent): Promise<void> {
    const { onStage, onProgress, onWarning } = this.events;
    switch (event.type) {
      case "waiting":
      case "loading":
      case "running":
        onStage?.(event);
        return;
      case "progress": {
        const { phase, unetNumber, step, steps, millisecondsLeft } = event;
        const network = unetNumber === undefined ? {} : { unetNumber };
        this.#progress = { phase, ...network, step, steps, millisecondsLeft, batch: 1, batches: 1 };
        onProgress(this.#progress);
        return;
      }
      case "preview":
        if (!this.#progress) return;
        onProgress({ ...this.#progress, preview: [await this.#decode(fileOf(event.png))], previewIndex: event.index });
        return;
      case "image":
        await this.#finish(event);
        return;
      case "warning":
        onWarning(event.message);
    }
  }

  async #finish({ index, png, seed, parameters }: Extract<ServedEvent, { type: "image" }>): Promise<void> {
    const file = fileOf(png);
    const image: GeneratedImage = { ...(await this.#decode(file)), seed, parameters };
    this.images[index] = image;
    this.keepFile(image, file);
    this.events.onImage(image, index);
  }

  async #decode(file: Blob): Promise<RgbImage> {
    return removeAlpha(await this.codec.decodeImage(file));
  }
}

function fileOf(base64: string): Blob {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return new Blob([bytes], { type: "image/png" });
}
