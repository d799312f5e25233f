import type { UnetOptions } from "../options.js";
import type { UnetPart } from "../dialect/component.js";
import type { NetworkDialect } from "../dialect/flags.js";
import { fact, present, type Fact, type Facts, type Inferred, type OpenOption } from "./infer-options.js";
import { UnetShapes } from "./unet-shapes.js";

/**
 * Options of a U-Net that shapes determine (REFERENCE.md §11), and those that they do not. `channels` of an image, by a
 * config, are used if shapes leave them open.
 */
export function inferUnet(part: UnetPart, network: NetworkDialect, channels?: number): Inferred<UnetOptions> {
  const unet = new UnetShapes(part, channels);
  const facts: Facts<UnetOptions> = {
    ...widthFacts(unet),
    ...conditionFacts(unet, network),
    ...inputFacts(unet, network),
    ...attentionFacts(unet, network),
    ...resamplingFacts(unet, network),
    ...headFacts(unet, network),
  };
  return { facts, open: openOptions(unet, network, facts) };
}

function widthFacts(unet: UnetShapes): Facts<UnetOptions> {
  const { dim } = unet;
  const stages = Array.from({ length: unet.stages }, (_, i) => i);
  const blocks = stages.map((i) => unet.tensors.length(`downs.${i}.${unet.modules.blocks}`));
  return present<UnetOptions>({
    dim: { value: dim, from: "to_time_hiddens.1.weight" },
    dimMults: { value: stages.map((i) => stageWidth(unet, i) / dim), from: "the width of downs" },
    numResnetBlocks: unet.wiring === "ASingle" ? undefined : { value: blocks, from: "the number of blocks in downs" },
  });
}

/**
 * Channels that a stage passes to the next. Its first block makes them if it downsamples first and in the oldest layouts;
 * else the first block of the next stage takes them.
 */
function stageWidth(unet: UnetShapes, stage: number): number {
  const { wiring, downFirst, modules, stages } = unet;
  const within = downFirst || (wiring !== "D" && wiring !== "E");
  const last = stage === stages - 1;
  const next = last ? "mid_block1" : `downs.${stage + 1}.${modules.initBlock}`;
  const conv = unet.firstConv(within ? `downs.${stage}.${modules.initBlock}` : next);
  return unet.need(conv ?? "", within ? 0 : 1);
}

function conditionFacts({ tensors, dim }: UnetShapes, { imageHiddens }: NetworkDialect): Facts<UnetOptions> {
  const toTokens = tensors.find(/^image_to_(?:tokens|cond)\.0\.weight$/);
  const hiddens = tensors.find(/^to_image_hiddens\.0\.weight$/);
  const image = toTokens ?? hiddens;
  const condDim = tensors.shape("norm_cond.weight")?.[0];
  return present<UnetOptions>({
    condDim: fact(tensors, "norm_cond.weight", ([width]) => width ?? dim),
    numTimeTokens: fact(tensors, "to_time_tokens.0.weight", ([rows]) => rows! / (condDim ?? dim)),
    numImageTokens: fact(tensors, "null_image_embed", ([, count]) => count!),
    maxTextLen: fact(tensors, "null_text_embed", ([, length]) => length!),
    // Neither layer exists if embeddings are as wide as tokens and are not added to the time.
    condOnImageEmbeds: image === undefined ? undefined : { value: true, from: image },
    imageEmbedDim: image === undefined ? undefined : fact(tensors, image, ([, width]) => width!),
    addImageEmbedsToTime:
      image === undefined || imageHiddens === "none"
        ? undefined
        : { value: hiddens !== undefined, from: hiddens ?? "the absence of to_image_hiddens" },
    condOnTextEncodings: {
      value: tensors.has("text_to_cond.weight"),
      from: tensors.has("text_to_cond.weight") ? "text_to_cond.weight" : "the absence of text_to_cond",
    },
    textEmbedDim: fact(tensors, "text_to_cond.weight", ([, width]) => width!),
  });
}

function inputFacts(unet: UnetShapes, network: NetworkDialect): Facts<UnetOptions> {
  const { initConvs, input, tensors } = unet;
  const [first] = initConvs;
  if (first === undefined) return {};
  const kernels = initConvs.map((name) => unet.need(name, 2));
  const images = unet.need(first, 1) / input.channels;
  // If the second image can be either, it is the low-resolution one, unless that is concatenated again at the end.
  const lowresCond = input.lowresCond ?? (images > 1 && network.lowresConcatEnd === "off");
  const crossEmbeds = first !== "init_conv.weight";
  const noise = tensors.find(/^to_lowres_noise_cond\./);
  return present<UnetOptions>({
    channels: { value: input.channels, from: first },
    lowresCond: { value: lowresCond, from: first },
    selfCond: ifRead(network.unetSelfCond, { value: images > (lowresCond ? 2 : 1), from: first }),
    lowresNoiseCond: ifRead(network.lowresNoise, {
      value: noise !== undefined,
      from: noise ?? "the absence of to_lowres_noise_cond",
    }),
    initDim: { value: initConvs.reduce((sum, name) => sum + unet.need(name, 0), 0), from: "init_conv" },
    initCrossEmbed: ifRead(network.initConv, { value: crossEmbeds, from: first }),
    initCrossEmbedKernelSizes: crossEmbeds ? { value: kernels, from: "init_conv.convs" } : undefined,
    initConvKernelSize: crossEmbeds ? undefined : { value: kernels[0]!, from: first },
  });
}

function attentionFacts(unet: UnetShapes, { layout }: NetworkDialect): Facts<UnetOptions> {
  const { tensors, modules, stages } = unet;
  const at = (i: number): string => `downs.${i}.${modules.attention}`;
  const selfAttn = Array.from({ length: stages }, (_, i) => tensors.has(`${at(i)}.fn.fn.to_q.weight`));
  const linear = tensors.find(/^downs\.\d+\.\d+\.fn\.to_qkv\.weight$/);
  const nullKv = tensors.find(/\.fn\.fn\.null_kv$/);
  const toQ = nullKv?.replace(/null_kv$/, "to_q.weight") ?? "";
  const dimHead = nullKv === undefined ? undefined : unet.need(nullKv, 1);
  const middle = tensors.find(/^mid_attn\./);
  return present<UnetOptions>({
    selfAttn: layout === "E" ? { value: selfAttn, from: "the attention in downs" } : undefined,
    // Full attention replaces linear attention: if it is everywhere, this option cannot be seen.
    sparseAttn:
      layout === "E" && !selfAttn.includes(false)
        ? undefined
        : { value: linear !== undefined, from: linear ?? "the absence of to_qkv in downs" },
    attendAtMiddle:
      layout === "E" ? undefined : { value: middle !== undefined, from: middle ?? "the absence of mid_attn" },
    attnDimHead: nullKv === undefined ? undefined : { value: dimHead!, from: nullKv },
    attnHeads: dimHead === undefined ? undefined : { value: unet.need(toQ, 0) / dimHead, from: toQ },
  });
}

function resamplingFacts(unet: UnetShapes, network: NetworkDialect): Facts<UnetOptions> {
  const { tensors, downFirst } = unet;
  const crossed = tensors.find(/^downs\.\d+\.[034]\.convs\.0\.weight$/);
  const plain =
    tensors.find(/^downs\.\d+\.(?:[034]\.weight|[04]\.1\.weight)$/, (shape) => shape.length === 4 && shape[2] !== 1) ??
    tensors.find(/^downs\.\d+\.[04]\.1\.weight$/);
  const nearest = tensors.find(/^ups\.\d+\.3\.1\.weight$/);
  const upsample = nearest ?? tensors.find(/^ups\.\d+\.3\.(?:net\.0\.)?weight$/);
  const sizes = crossed === undefined ? [] : unet.convs(crossed.replace(/\.convs\.0\.weight$/, ""));
  return present<UnetOptions>({
    memoryEfficient: ifRead(network.memEff, {
      value: downFirst,
      from: downFirst ? "downs.0.0" : "the absence of downs.0.0",
    }),
    crossEmbedDownsample:
      (crossed ?? plain) === undefined ? undefined : { value: crossed !== undefined, from: (crossed ?? plain)! },
    crossEmbedDownsampleKernelSizes:
      crossed === undefined ? undefined : { value: sizes.map((name) => unet.need(name, 2)), from: crossed },
    pixelShuffleUpsample:
      network.upsample === "pixelShuffle" && upsample !== undefined
        ? { value: nearest === undefined, from: upsample }
        : undefined,
    nearestUpsample:
      network.upsample === "convTranspose" && upsample !== undefined
        ? { value: nearest !== undefined, from: upsample }
        : undefined,
  });
}

function headFacts(unet: UnetShapes, network: NetworkDialect): Facts<UnetOptions> {
  const { lastConv, tensors } = unet;
  const combined = tensors.find(/^upsample_combiner\./);
  return present<UnetOptions>({
    channelsOut: fact(tensors, lastConv, ([channels]) => channels!),
    finalConvKernelSize:
      network.finalHead === "finalResnet" ? fact(tensors, lastConv, ([, , kernel]) => kernel!) : undefined,
    combineUpsampleFmaps: ifRead(network.upsampleCombiner, {
      value: combined !== undefined,
      from: combined ?? "the absence of upsample_combiner",
    }),
  });
}

/** A fact, if the version has the option. */
function ifRead<Value>(flag: string, found: Fact<Value>): Fact<Value> | undefined {
  return flag === "byConfig" ? found : undefined;
}

/** The reference's default heads. */
const HEADS = { attn_heads: 16, attn_dim_head: 32 };

function openOptions(
  { tensors }: UnetShapes,
  network: NetworkDialect,
  facts: Facts<UnetOptions>,
): readonly OpenOption[] {
  const open: OpenOption[] = [{ path: "resnet_groups", fallback: 8 }];
  const linear = tensors.find(/\.fn\.to_qkv\.weight$/);
  if (linear !== undefined && facts.attnHeads === undefined) {
    const inner = tensors.shape(linear)![0]! / 3;
    const isDefault = inner === HEADS.attn_heads * HEADS.attn_dim_head;
    for (const [path, fallback] of Object.entries(HEADS)) open.push(isDefault ? { path, fallback } : { path });
  }
  if (network.skipScale === "byConfig") open.push({ path: "scale_skip_connection", fallback: false });
  if (network.weightStd === "byConfig") open.push({ path: "resnet_weight_standardization", fallback: false });
  if (network.crossAttn === "byConfig") open.push({ path: "cosine_sim_cross_attn", fallback: false });
  if (network.unetSelfScale === "reciprocalOrCosine16") open.push({ path: "cosine_sim_self_attn", fallback: false });
  return open;
}
