import type { RgbaImage, MaskChannel } from "dalle2-webgpu";
import type { Size } from "./areas.js";
import { likelyChannel, readMask } from "./mask-file.js";
import type { MaskLayer } from "./mask-layer.svelte.js";

/** A mask file, read into the mask of the image that was in the painter. */
export class LoadedFile {
  readonly name: string;
  readonly layer: MaskLayer;
  readonly #image: RgbaImage;
  readonly #whole: Size;
  #channel: MaskChannel = $state("luma");

  /** `whole` is the size of the layer's image before it was cropped. */
  constructor(name: string, image: RgbaImage, layer: MaskLayer, whole: Size) {
    this.name = name;
    this.layer = layer;
    this.#image = image;
    this.#whole = whole;
    this.channel = likelyChannel(image);
  }

  /** What of the file is the mask. */
  get channel(): MaskChannel {
    return this.#channel;
  }

  /** Reads the file anew. */
  set channel(channel: MaskChannel) {
    this.#channel = channel;
    this.layer.replace(readMask(this.#image, channel, this.layer, this.#whole));
  }
}
