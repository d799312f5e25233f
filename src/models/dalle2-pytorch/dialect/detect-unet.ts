import type { UnetPart } from "./component.js";
import { clue, type Clue } from "./candidates.js";
import type { NetworkDialect } from "./flags.js";
import { UnetShapes, type Wiring } from "../inference/unet-shapes.js";

/** What each order of modules tells about the layout. C and its successor differ only if stages do not downsample first. */
const LAYOUTS: Readonly<Record<Exclude<Wiring, "C">, readonly NetworkDialect["layout"][]>> = {
  ASingle: ["ASingle"],
  A: ["A"],
  downFirst: ["CAllUps", "C", "B"],
  D: ["D"],
  E: ["E"],
};

/** All that the names and shapes of a U-Net tell about the version that trained it (REFERENCE.md §2, §10, §11). */
export function unetClues(part: UnetPart): readonly Clue[] {
  const unet = new UnetShapes(part);
  const rules = [
    normRules,
    crossAttentionRules,
    blockRules,
    imageRules,
    layoutRules,
    downsampleRules,
    upsampleRules,
    headRules,
    inputRules,
    optionRules,
  ];
  return rules.flatMap((rule) => rule(unet)).map((found) => ({ ...found, detail: part.tensors.prefix + found.detail }));
}

function normRules({ tensors }: UnetShapes): Clue[] {
  const gamma = tensors.find(/\.gamma$/);
  if (gamma) return [clue("normParam", ["gamma"], "names", gamma)];
  // Norms over channels, four-dimensional, have a `g` in every version.
  const g = tensors.find(/\.g$/, (shape) => shape.length === 1);
  return g ? [clue("normParam", ["g"], "names", g)] : [];
}

function crossAttentionRules({ tensors }: UnetShapes): Clue[] {
  const name = tensors.find(/\.cross_attn\..*to_q\.weight$/);
  if (!name) return [];
  return [clue("crossKey", [name.includes(".cross_attn.fn.") ? "fn" : "bare"], "names", name)];
}

function blockRules({ tensors }: UnetShapes): Clue[] {
  const add = tensors.find(/\.block1\.block\.0\.weight$/);
  if (add) return [clue("film", ["add"], "names", add)];
  const project = tensors.find(/\.block1\.project\.weight$/);
  return project ? [clue("film", ["scaleShift"], "names", project)] : [];
}

function imageRules({ tensors }: UnetShapes): Clue[] {
  if (tensors.has("null_image_hiddens")) return [clue("imageHiddens", ["nulled"], "names", "null_image_hiddens")];
  const cond = tensors.find(/^image_to_cond\./);
  if (cond) return [clue("imageHiddens", ["none"], "names", cond)];
  const hiddens = tensors.find(/^to_image_hiddens\./);
  if (hiddens)
    return [clue("imageHiddens", ["unnulled"], "absence", `null_image_hiddens is missing, ${hiddens} is there`)];
  return [clue("imageHiddens", ["unnulled", "none"], "absence", "null_image_hiddens is missing")];
}

function layoutRules({ tensors, wiring, stages }: UnetShapes): Clue[] {
  if (wiring === undefined) return [];
  const detail = tensors.find(/^downs\.\d+\.\d+\.(?:\d+\.)?block1\./) ?? "downs";
  if (wiring !== "C") return [clue("layout", LAYOUTS[wiring], "names", detail)];
  // One up stage for each resolution, or one less.
  const ups = tensors.length("ups");
  return [clue("layout", [ups < stages ? "C" : "CAllUps"], "names", `ups has ${ups} stages, downs ${stages}`)];
}

function downsampleRules({ tensors }: UnetShapes): Clue[] {
  const strided = tensors.find(/^downs\.\d+\.[034]\.weight$/, (shape) => shape[2] === 4);
  if (strided) return [clue("downsample", ["conv4x4"], "shapes", `${strided} is 4×4`)];
  const unshuffled = tensors.find(/^downs\.\d+\.[04]\.1\.weight$/, (shape) => shape.length === 4);
  return unshuffled ? [clue("downsample", ["unshuffle1x1"], "names", unshuffled)] : [];
}

function upsampleRules({ tensors, wiring, lastConv }: UnetShapes): Clue[] {
  const shuffled = tensors.find(/^ups\.\d+\.3\.net\.0\.weight$/);
  if (shuffled) return [clue("upsample", ["pixelShuffle"], "names", shuffled)];
  const transposed = tensors.find(/^ups\.\d+\.3\.weight$/);
  if (transposed) {
    return [
      clue("upsample", [lastConv === "to_out.weight" ? "convTranspose" : "convTransposeSame"], "names", transposed),
    ];
  }
  const nearest = tensors.find(/^ups\.\d+\.3\.1\.weight$/);
  if (!nearest) return [];
  if (wiring !== "D") return [clue("upsample", ["pixelShuffle", "convTranspose"], "names", `${nearest}, an option`)];
  // The only way in 0.14, with a last convolution of 3×3; an option since 0.15, usually with one of 1×1.
  const values =
    tensors.shape(lastConv)?.[2] === 3 ? (["nearestConv", "convTranspose"] as const) : (["convTranspose"] as const);
  return [clue("upsample", values, "names", nearest)];
}

function headRules(unet: UnetShapes): Clue[] {
  const { lastConv, dim, wiring } = unet;
  if (lastConv === "to_out.weight") {
    const kernel = unet.need(lastConv, 2);
    // 3×3 was the only kernel of the first versions with this head, and is an option of later ones.
    const head = kernel === 3 ? (["finalResnet3x3", "finalResnet"] as const) : (["finalResnet"] as const);
    return wiring === "E" ? [] : [clue("finalHead", head, "shapes", `to_out.weight is ${kernel}×${kernel}`)];
  }
  const conv = unet.firstConv("final_conv.0");
  if (conv === undefined) return [];
  const width = unet.need(conv, 1);
  const residual = width === 2 * dim ? "on" : "off";
  return [
    clue("finalHead", ["finalConv"], "names", lastConv),
    clue("finalResidual", [residual], "shapes", `${conv} takes ${width} channels of a U-Net of ${dim}`),
  ];
}

function inputRules({ tensors, input, lastConv, dim }: UnetShapes): Clue[] {
  const clues: Clue[] = [];
  if (input.lowresCond && lastConv === "to_out.weight") {
    const width = tensors.shape(lastConv)?.[1] ?? 0;
    const value = width > dim ? "on" : "off";
    clues.push(
      clue("lowresConcatEnd", [value], "shapes", `to_out.weight takes ${width} channels of an upsampler of ${dim}`),
    );
  }
  if (input.selfCond) {
    clues.push(clue("unetSelfCond", ["byConfig"], "shapes", "init_conv takes an additional image"));
  }
  return clues;
}

/** Options that leave names of their own, and so prove a version that has them. */
const OPTION_NAMES = [
  { flag: "initConv", pattern: /^init_conv\.weight$/ },
  { flag: "lowresNoise", pattern: /^to_lowres_noise_cond\./ },
  { flag: "upsampleCombiner", pattern: /^upsample_combiner\./ },
] as const;

function optionRules({ tensors }: UnetShapes): Clue[] {
  return OPTION_NAMES.flatMap(({ flag, pattern }) => {
    const name = tensors.find(pattern);
    return name ? [clue(flag, ["byConfig"], "names", name)] : [];
  });
}
