import type { UnetPart } from "../dialect/component.js";
import type { TensorScope } from "../../../weights/formats/tensor-scope.js";

/**
 * The order of a stage's modules, as far as names tell (REFERENCE's layouts). `downFirst`: B, and C with `memory_efficient`,
 * which have the same order; `C`: without it.
 */
export type Wiring = "ASingle" | "A" | "downFirst" | "C" | "D" | "E";

/** Indices of a stage's modules in `downs.N`. */
export interface StageModules {
  readonly initBlock: number;
  readonly blocks: number;
  readonly attention: number;
}

const MODULES: Readonly<Record<Wiring, StageModules>> = {
  ASingle: { initBlock: 0, attention: 1, blocks: 2 },
  A: { initBlock: 0, attention: 1, blocks: 2 },
  downFirst: { initBlock: 1, attention: 2, blocks: 3 },
  C: { initBlock: 1, attention: 2, blocks: 3 },
  D: { initBlock: 1, attention: 2, blocks: 3 },
  E: { initBlock: 1, blocks: 2, attention: 3 },
};

/** Inputs of the first convolution: the noisy image, and one more for each image condition. */
export interface InputImages {
  readonly channels: number;
  /** Undefined if shapes do not tell which of the two the second image is. */
  readonly lowresCond: boolean | undefined;
  readonly selfCond: boolean | undefined;
}

/** Facts about a U-Net from its shapes, for both its dialect and its options. */
export class UnetShapes {
  readonly tensors: TensorScope;
  readonly dim: number;
  readonly stages: number;
  readonly wiring: Wiring | undefined;
  /** True if stages downsample before their blocks. */
  readonly downFirst: boolean;
  /** The last convolution. */
  readonly lastConv: "final_conv.1.weight" | "to_out.weight";
  readonly input: InputImages;

  /** `channels` of an image, by a config, are used if shapes leave them open. */
  constructor(part: UnetPart, channels?: number) {
    this.tensors = part.tensors;
    this.dim = this.need("to_time_hiddens.1.weight", 1);
    this.stages = part.tensors.length("downs");
    this.lastConv = part.tensors.has("to_out.weight") ? "to_out.weight" : "final_conv.1.weight";
    this.wiring = this.#wiring();
    this.downFirst = part.tensors.find(/^downs\.0\.0\.(?:weight|1\.weight|convs\.0\.weight)$/) !== undefined;
    this.input = this.#input(part.index, channels);
  }

  /** Positions of a stage's modules; as in layout E if names do not tell. */
  get modules(): StageModules {
    return MODULES[this.wiring ?? "E"];
  }

  /** The first convolution: several kernel sizes side by side, or one. */
  get initConvs(): readonly string[] {
    return this.convs("init_conv");
  }

  /** Names of the convolutions of a CrossEmbedLayer, or of the single one in its place; none if there is neither. */
  convs(path: string): readonly string[] {
    const count = this.tensors.length(`${path}.convs`);
    if (count > 0) return Array.from({ length: count }, (_, i) => `${path}.convs.${i}.weight`);
    return this.tensors.has(`${path}.weight`) ? [`${path}.weight`] : [];
  }

  /** Name of the first convolution in a residual block's `block1`, which the oldest versions kept in a list. */
  firstConv(block: string): string | undefined {
    const names = [`${block}.block1.project.weight`, `${block}.block1.block.0.weight`];
    return names.find((name) => this.tensors.has(name));
  }

  /** Size of an axis of a tensor that every U-Net has; 0 if a damaged file lacks it. */
  need(name: string, axis: number): number {
    return this.tensors.shape(name)?.[axis] ?? 0;
  }

  #wiring(): Wiring | undefined {
    const { tensors } = this;
    if (tensors.find(/^downs\.\d+\.2\.block1\./)) return "ASingle";
    if (tensors.find(/^downs\.\d+\.0\.block1\./)) return "A";
    if (tensors.has("final_conv.1.weight")) return tensors.find(/^downs\.0\.0\./) ? "downFirst" : "C";
    if (tensors.find(/^downs\.\d+\.3\.\d+\.block1\./)) return "D";
    return tensors.find(/^downs\.\d+\.2\.\d+\.block1\./) ? "E" : undefined;
  }

  #input(index: number | undefined, said: number | undefined): InputImages {
    const taken = this.need(this.initConvs[0] ?? "", 1);
    const made = this.need(this.lastConv, 0);
    const appended = this.need(this.lastConv, 1) - this.dim;
    const channels = appended > 0 ? appended : imageChannels({ taken, made, index, said });
    const images = taken / channels;
    const lowresCond = this.#lowresCond(index, images, appended);
    return { channels, lowresCond, selfCond: lowresCond === undefined ? undefined : images > (lowresCond ? 2 : 1) };
  }

  /** A decoder conditions every U-Net except its first on the previous image. Only the first sees image embeddings. */
  #lowresCond(index: number | undefined, images: number, appended: number): boolean | undefined {
    if (index !== undefined) return index > 0;
    if (images === 1) return false;
    if (appended > 0 || images === 3 || !this.tensors.find(/^(?:image_to_(?:tokens|cond)|to_image_hiddens)\./))
      return true;
    return undefined;
  }
}

interface ImageLayers {
  /** Channels of one to three images. */
  readonly taken: number;
  /** Channels of an image, doubled if the variance is learned. */
  readonly made: number;
  readonly index: number | undefined;
  readonly said: number | undefined;
}

/** Channels of an image: the config's number if it fits, else RGB, else grey, else the output channels. */
function imageChannels({ taken, made, index, said }: ImageLayers): number {
  const fits = [made, made / 2].filter((channels) => imageCounts(index).includes(taken / channels));
  return [said, 3, 1].find((channels) => channels !== undefined && fits.includes(channels)) ?? fits[0] ?? made;
}

/**
 * Possible numbers of input images: the noisy one, that of the previous U-Net, which the first does not have, and the last
 * predicted x0.
 */
function imageCounts(index: number | undefined): readonly number[] {
  if (index === undefined) return [1, 2, 3];
  return index === 0 ? [1, 2] : [2, 3];
}
