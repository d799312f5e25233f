import { describe, expect, it } from "vitest";
import { ConfigError, parseConfig } from "../../../src/config/config-error.js";
import {
  resolveDecoderConfig,
  resolvePriorConfig,
  resolveUnetConfig,
} from "../../../src/models/dalle2-pytorch/options.js";
import {
  decoderConfig,
  priorConfig,
  trainDecoderConfig,
  trainPriorConfig,
  unetConfig,
} from "../../../src/models/dalle2-pytorch/train-config.js";
import { unetParts } from "../../../src/models/dalle2-pytorch/dialect/component.js";
import { compareVersions, dialectForVersion } from "../../../src/models/dalle2-pytorch/dialect/dialect.js";
import {
  completeDecoderConfig,
  decoderMisfit,
  inferDecoder,
} from "../../../src/models/dalle2-pytorch/inference/infer-decoder.js";
import { inferUnet } from "../../../src/models/dalle2-pytorch/inference/infer-unet.js";
import { contradictionsOf } from "../../../src/models/dalle2-pytorch/inference/infer-options.js";
import {
  completePriorConfig,
  inferPrior,
  priorMisfit,
} from "../../../src/models/dalle2-pytorch/inference/infer-prior.js";
import type { Header } from "../../../src/weights/formats/tensor-scope.js";
import { Arena } from "../../../src/tensor/arena.js";
import { decoderShapes } from "../../support/build-checkpoint.js";
import { sharedGpu } from "../../support/gpu.js";
import { headerSet, type HeaderSet } from "../../support/headers.js";

const decoders = await headerSet("decoder");
const priors = await headerSet("prior");
const unets: Readonly<Record<string, HeaderSet>> = {
  "without options": await headerSet("unet-plain"),
  "with many options": await headerSet("unet-combine"),
  "that cross-embed": await headerSet("unet-cross"),
};

const network = (version: string) => dialectForVersion(version, { sampler: "fixed" }).network;

function of({ groups }: HeaderSet, version: string): Header {
  return groups.find(({ versions }) => versions.includes(version))!.header;
}

/** Before 0.8.0 the first convolution had two thirds of `dim` channels by default. */
function initDim(version: string, dim: number): number {
  return compareVersions(version, "0.8.0") < 0 ? Math.floor(dim / 3) * 2 : dim;
}

/** The versions of each group in turn, and each dialect that read the same tensors. */
const cases = ({ groups }: HeaderSet) =>
  groups.flatMap(({ versions, header }) => versions.map((version) => [version, header] as const));

describe.each(Object.keys(unets))("U-Nets %s", (kind) => {
  const set = unets[kind]!;
  it("have the options that they were built with, in every version", () => {
    const built = resolveUnetConfig(parseConfig(unetConfig, set.options, kind));
    for (const [version, header] of cases(set)) {
      const [part] = unetParts(header);
      const { facts } = inferUnet(part!, network(version));
      const options = { ...built, initDim: initDim(version, built.dim) };
      expect([version, contradictionsOf({ path: "unet", options, facts })]).toEqual([version, []]);
    }
  });
});

describe("decoders", () => {
  it("have the options that they were built with, in every version", () => {
    const { stages } = resolveDecoderConfig(parseConfig(decoderConfig, decoders.options, "decoder"));
    for (const [version, header] of cases(decoders)) {
      const { unets: inferred } = inferDecoder(header, network(version));
      stages.forEach(({ unet }, i) => {
        const options = { ...unet, initDim: initDim(version, unet.dim) };
        const { facts } = inferred[i]!;
        expect([version, contradictionsOf({ path: "unet", options, facts })]).toEqual([version, []]);
        expect(Object.keys(facts).length).toBeGreaterThanOrEqual(15);
      });
    }
  });

  it("need no config but for what shapes do not say", () => {
    const header = of(decoders, "1.14.0");
    const inferred = inferDecoder(header, network("1.14.0"));
    expect(completeDecoderConfig(undefined, inferred).missing).toEqual(["decoder.image_sizes"]);
    const unsaid = {
      unets: [{ resnet_groups: 4 }, { resnet_groups: 4, attn_dim_head: 8, attn_heads: 2 }],
      image_sizes: [16, 32],
    };
    const { config, missing } = completeDecoderConfig({ decoder: unsaid }, inferred);
    expect(missing).toEqual([]);
    const options = resolveDecoderConfig(parseConfig(trainDecoderConfig, config, "config").decoder);
    const built = resolveDecoderConfig(
      parseConfig(decoderConfig, { ...decoders.options, beta_schedule: ["cosine", "linear"] }, "decoder"),
    );
    expect(options.timesteps).toBe(8);
    expect(options.stages.map(({ learnedVariance }) => learnedVariance)).toEqual([true, false]);
    expect(options.stages[0]!.unet).toEqual({ ...built.stages[0]!.unet, initDim: 8 });
    // An upsampler sees no image embeddings, and attention in the middle is no longer an option.
    const upsampler = { ...built.stages[1]!.unet, initDim: 8, imageEmbedDim: null, attendAtMiddle: true };
    expect(options.stages[1]!.unet).toEqual(upsampler);
  });

  it("require only the heads of linear attention, of which shapes give the product", () => {
    const alone = [...of(decoders, "0.12.4")].filter(([name]) => !name.includes("mid_attn"));
    const inferred = inferDecoder(new Map(alone), network("0.12.4"));
    expect(inferred.open).toContainEqual({ path: "unets[0].attn_heads" });
    expect(completeDecoderConfig({ decoder: { image_size: 16 } }, inferred).missing).toEqual([
      "decoder.unets[0].attn_heads",
      "decoder.unets[0].attn_dim_head",
    ]);
  });

  it("may lack U-Nets that were not trained", () => {
    const alone = new Map([...of(decoders, "1.1.0")].filter(([name]) => !name.startsWith("unets.0.")));
    const inferred = inferDecoder(alone, network("1.1.0"));
    expect(inferred.unets[0]).toBeUndefined();
    const { config } = completeDecoderConfig({ decoder: { image_sizes: [16, 32] } }, inferred);
    expect(parseConfig(trainDecoderConfig, config, "config").decoder.unets[1]!.dim_mults).toEqual([1, 2, 3]);
  });

  it("need no layer for image embeddings that are as wide as tokens", () => {
    const layers = /^unets\.0\.(?:image_to_tokens|to_image_hiddens)\./;
    const header = new Map([...of(decoders, "1.1.0")].filter(([name]) => !layers.test(name)));
    const inferred = inferDecoder(header, network("1.1.0"));
    const { condDim, condOnImageEmbeds, imageEmbedDim, addImageEmbedsToTime } = inferred.unets[0]!.facts;
    // Only a decoder that is not unconditional has text.
    expect([condOnImageEmbeds?.value, addImageEmbedsToTime?.value]).toEqual([true, false]);
    expect(imageEmbedDim?.value).toBe(condDim?.value);
    expect(inferred.config.unconditional).toBe(false);
  });

  // Two channels in and two out: grey with its last predicted x0 and a variance, or two channels.
  it.each([
    { channels: 1, selfCond: true, said: {} },
    { channels: 1, selfCond: true, said: { channels: 1 } },
    { channels: 2, selfCond: false, said: { channels: 2 } },
  ])("have $channels channels, self-conditioned: $selfCond, if the config says $said", async (known) => {
    const unet = { dim: 8, dim_mults: [1], image_embed_dim: 32, resnet_groups: 4, self_cond: known.selfCond };
    const options = { channels: known.channels, learned_variance: known.selfCond, image_size: 16 };
    const config = trainDecoderConfig.parse({ decoder: { unets: [unet], ...options } });
    const shapes = decoderShapes(new Arena((await sharedGpu()).stream()), config, "1.14.0");
    const header: Header = new Map([...shapes].map(([name, shape]) => [name, { shape }]));
    const { facts } = inferDecoder(header, network("1.14.0"), { decoder: known.said }).unets[0]!;
    expect([facts.channels?.value, facts.selfCond?.value]).toEqual([known.channels, known.selfCond]);
  });

  it("refuse a config of another model with everything that is different", () => {
    const header = of(decoders, "1.9.0");
    const inferred = inferDecoder(header, network("1.9.0"));
    const { unets: built } = decoders.options as { unets: Record<string, unknown>[] };
    const given = {
      ...decoders.options,
      unets: [{ ...built[0], dim: 320, num_resnet_blocks: [2, 4], attn_heads: 4 }, built[1]],
    };
    const options = resolveDecoderConfig(parseConfig(decoderConfig, given, "decoder"));
    const misfit = decoderMisfit("model.pth", options, inferred);
    expect(misfit).toBeInstanceOf(ConfigError);
    expect(misfit?.message).toContain(
      [
        "the config does not fit model.pth:",
        "  decoder.unets[0].dim: config says 320, to_time_hiddens.1.weight says 8",
        "  decoder.unets[0].num_resnet_blocks: config says [2,4], the number of blocks in downs says [2,2]",
      ].join("\n"),
    );
    expect(misfit?.message).toContain("decoder.unets[0].attn_heads: config says 4, downs.1.3.fn.fn.to_q.weight says 2");
  });
});

describe("priors", () => {
  it.each([
    ["of discrete time", "prior"],
    ["of continuous time", "prior-continuous"],
  ])("%s have the options that they were built with, in every version", async (_, name) => {
    const set = await headerSet(name);
    const { net } = resolvePriorConfig(parseConfig(priorConfig, set.options, "prior"));
    for (const [version, header] of cases(set)) {
      const inferred = inferPrior(header, network(version));
      expect(priorMisfit(version, { net }, inferred)).toBeUndefined();
      expect(Object.keys(inferred.net.facts).length).toBeGreaterThanOrEqual(14);
    }
  });

  it("need no config at all", () => {
    const inferred = inferPrior(of(priors, "1.14.0"), network("1.14.0"));
    const { config, missing } = completePriorConfig(undefined, inferred);
    expect(missing).toEqual([]);
    const options = resolvePriorConfig(parseConfig(trainPriorConfig, config, "config").prior);
    expect(options).toEqual(resolvePriorConfig(parseConfig(priorConfig, priors.options, "prior")));
    expect(inferred.open.map(({ path }) => path)).toContain("predict_x_start");
    expect(inferred.open.map(({ path }) => path)).toContain("net.self_cond");
  });

  it("refuse a config of another model", () => {
    const inferred = inferPrior(of(priors, "1.1.0"), network("1.1.0"));
    const { net } = resolvePriorConfig(parseConfig(priorConfig, priors.options, "prior"));
    const misfit = priorMisfit("prior.pth", { net: { ...net, normformer: false, heads: 12 } }, inferred);
    expect(misfit?.message).toMatch(
      /prior\.net\.heads: config says 12, .*to_q\.weight says 2\n {2}prior\.net\.normformer: config says false, .*\.1\.3\.g says true/,
    );
  });
});
