import type { GeneratedImage } from "dalle2-webgpu";
import type { DeviceInfo, Engine } from "../engine/engine.js";
import type { Job } from "../jobs/job.svelte.js";
import type { KeptImage } from "./kept-image.js";

/** The images that are kept in this browser, newest first. */
export class Gallery {
  images: readonly KeptImage[] = $state.raw([]);
  readonly #engine: Engine;
  readonly #urls: Record<string, string> = {};

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  async keep(job: Job, index: number, image: GeneratedImage, device: DeviceInfo, seconds: number): Promise<KeptImage> {
    const { parameters } = job.request;
    const kept: KeptImage = {
      id: crypto.randomUUID(),
      jobId: job.id,
      index,
      time: Date.now(),
      width: image.width,
      height: image.height,
      file: await this.#engine.encodeImage(image, { dalle2app: JSON.stringify(parameters) }),
      parameters,
      prompt: parameters.prompts[Math.floor(index / parameters.count)] ?? "",
      model: { id: job.choice.id, label: job.choice.label },
      adapter: device.adapter.description,
      tuning: device.tuning,
      seconds,
    };
    this.images = [kept, ...this.images];
    return kept;
  }

  find(id: string): KeptImage | undefined {
    return this.images.find((image) => image.id === id);
  }

  /** URL of the image for `<img>`; valid while the page is open. */
  url(image: KeptImage): string {
    return (this.#urls[image.id] ??= URL.createObjectURL(image.file));
  }

  /** Removes images. The function that is returned brings them back. */
  remove(ids: readonly string[]): () => void {
    const before = this.images;
    this.images = before.filter(({ id }) => !ids.includes(id));
    return () => {
      this.images = before;
    };
  }
}
