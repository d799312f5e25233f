import { describe, expect, it } from "vitest";
import { ConfigError } from "../../../src/config/config-error.js";
import { detectDialect, type DetectOptions } from "../../../src/models/dalle2-pytorch/dialect/detect-dialect.js";
import { DialectError } from "../../../src/models/dialect-error.js";
import {
  currentDialect,
  compareVersions,
  dialectForVersion,
} from "../../../src/models/dalle2-pytorch/dialect/dialect.js";
import { RELEASED } from "../../../src/models/dalle2-pytorch/dialect/dates.js";
import { flagsOf, type Flag } from "../../../src/models/dalle2-pytorch/dialect/relevance.js";
import { NETWORK_HISTORY } from "../../../src/models/dalle2-pytorch/dialect/table.js";
import type { Header } from "../../../src/weights/formats/tensor-scope.js";
import { headerSet, type HeaderSet } from "../../support/headers.js";

const decoders = await headerSet("decoder");
const priors = await headerSet("prior");
const sets: Readonly<Record<string, HeaderSet>> = {
  decoders,
  priors,
  "priors of continuous time": await headerSet("prior-continuous"),
  "U-Nets without options": await headerSet("unet-plain"),
  "upsamplers with many options": await headerSet("unet-combine"),
  "U-Nets that cross-embed": await headerSet("unet-cross"),
};

const detect = (tensors: Header, options?: DetectOptions & { stored?: string }) =>
  detectDialect(
    { name: "model.pth", tensors, ...(options?.stored !== undefined && { version: options.stored }) },
    options,
  );

/** Names and shapes as a version wrote them. */
function of({ groups }: HeaderSet, version: string): Header {
  return groups.find(({ versions }) => versions.includes(version))!.header;
}

const flat = (version: string): Readonly<Record<Flag, unknown>> => {
  const { network, sampler } = dialectForVersion(version, { sampler: "fixed" });
  return { ...network, ...sampler };
};

/** Flags of the network that names and shapes leave open, by the versions that share them (REFERENCE.md §10, §11). */
const OPEN: Readonly<Record<"decoders" | "priors", readonly (readonly [since: string, open: readonly Flag[]])[]>> = {
  decoders: [
    ["0.5.0", []],
    // Stable layer norms came with 0.16.2, clamped low-resolution images with 0.16.16.
    ["0.16.0", ["lnStable", "lowresResize"]],
    // The undecidable band. The end of `to_out` tells 0.24.0 and later, whose images are always resized to the nearest.
    ["0.21.0", ["lnStable", "unetTextPad", "lowresResize"]],
    ["0.24.0", ["unetSelfScale", "linearAttn"]],
    ["1.10.0", []],
  ],
  priors: [
    ["0.5.0", []],
    ["0.16.0", ["lnStable", "relposMult", "priorTextPad"]],
    ["0.23.1", ["lnStable", "priorAttn", "relposMult"]],
    ["1.9.0", ["priorCfg"]],
  ],
};

/** Flags that change nothing for these models: of options that they do not use, or between versions wired alike. */
const NEUTRAL: Readonly<Record<"decoders" | "priors", readonly Flag[]>> = {
  decoders: [
    "lnHalfEps",
    "clipTextMask",
    "skipScale",
    "weightStd",
    "crossAttn",
    "unetSelfCond",
    "lowresNoise",
    "upsampleCombiner",
    "initConv",
  ],
  priors: ["lnHalfEps", "clipTextMask", "priorSelfCond", "priorTime"],
};

describe("without a version", () => {
  const groups = (["decoders", "priors"] as const).flatMap((kind) =>
    sets[kind]!.groups.map((group) => ({ kind, ...group, since: group.versions[0]!, until: group.versions.at(-1)! })),
  );

  it.each(groups)("$kind of $since to $until: only what cannot be told is assumed, and a warning names it", (group) => {
    const { kind, versions, header, since } = group;
    const open = OPEN[kind].findLast(([first]) => compareVersions(first, since) <= 0)![1];
    const { component, evidence, assumed, warnings } = detect(header);
    const openNetwork = assumed.filter((flag) => flag in NETWORK_HISTORY);
    expect(openNetwork.sort()).toEqual([...open].sort());
    expect(warnings).toHaveLength(assumed.length > 0 ? 1 : 0);
    for (const flag of assumed) expect(warnings[0]).toContain(flag);

    const settled = flagsOf(component).filter(
      (flag) => flag in NETWORK_HISTORY && !open.includes(flag) && !NEUTRAL[kind].includes(flag),
    );
    for (const version of versions) {
      for (const flag of settled) expect([flag, evidence[flag]?.value]).toEqual([flag, flat(version)[flag]]);
    }
  });
});

describe("the assumed version", () => {
  it.each([
    ["decoders", "0.16.0", "0.16.2"],
    ["decoders", "0.21.3", "0.23.10"],
    ["decoders", "1.9.0", "1.1.0"],
    ["priors", "0.22.2", "0.19.6"],
    ["priors", "1.8.4", "1.1.0"],
    // The newest: what most priors with learned nulls were trained with.
    ["priors", "1.9.0", "1.14.0"],
  ] as const)("%s of %s: %s, as a whole", (kind, version, assumed) => {
    const { dialect } = detect(of(sets[kind]!, version));
    expect(dialect.version).toBe(assumed);
    const { network, sampler } = dialectForVersion(assumed, { sampler: "fixed" });
    expect(dialect.network).toEqual(network);
    expect(dialect.sampler).toEqual(sampler);
  });

  it("says what it was, what else it can be and how to say so", () => {
    const { warnings } = detect(of(decoders, "1.1.0"));
    expect(warnings).toEqual([
      [
        "model.pth does not say which version of DALLE2-pytorch made it, and its names and shapes leave open whether it was " +
          '1.1.0, which is assumed: unetSelfScale "rsqrt", linearAttn "plain". It can be',
        '  0.24.0 to before 1.2.0 (released 2022-07-14): unetSelfScale "rsqrt", linearAttn "plain"',
        '  1.2.0 to before 1.4.0 (released 2022-07-27): unetSelfScale "rsqrt", linearAttn "vHw"',
        '  1.4.0 to before 1.4.3 (released 2022-07-29): unetSelfScale "rsqrt", linearAttn "l2vSqrt"',
        '  1.4.3 to before 1.10.0 (released 2022-07-29): unetSelfScale "reciprocalOrCosine16", linearAttn "l2vSqrt"',
        'If results look wrong, say which beside load_model_from: "version": "0.24.0" for one, or single flags, ' +
          '"dialect": {"unetSelfScale": "rsqrt"}.',
      ].join("\n"),
    ]);
  });

  it("has a day for every change of the network", () => {
    const changes = Object.values(NETWORK_HISTORY).flatMap((history) => history.map(([since]) => since));
    expect([...new Set(changes)].sort(compareVersions)).toEqual(Object.keys(RELEASED));
  });
});

describe("with a version", () => {
  it.each(Object.keys(sets))("%s: names and shapes agree with the table in every version", (kind) => {
    for (const { versions, header } of sets[kind]!.groups) {
      for (const version of versions) {
        const { dialect, evidence, assumed, warnings } = detect(header, { stored: version });
        expect([version, warnings, assumed]).toEqual([version, [], []]);
        expect(dialect).toEqual(dialectForVersion(version, { sampler: "fixed" }));
        expect(evidence.normParam).toEqual({
          value: flat(version).normParam,
          source: "version",
          detail: `version ${version}`,
        });
      }
    }
  });

  it("follows names and shapes where they contradict it, and says so", () => {
    const { dialect, evidence, warnings } = detect(of(decoders, "1.9.0"), { stored: "1.14.0" });
    expect(dialect.network).toEqual({
      ...dialectForVersion("1.14.0", { sampler: "fixed" }).network,
      downsample: "conv4x4",
      crossKey: "fn",
    });
    expect(evidence.downsample).toEqual({
      value: "conv4x4",
      source: "shapes",
      detail: "unets.0.downs.0.4.weight is 4×4",
    });
    expect(warnings).toEqual([
      [
        "model.pth is taken to be of version 1.14.0, but some of its names or shapes are of other versions, and were followed:",
        '  downsample "conv4x4": unets.0.downs.0.4.weight is 4×4',
        '  crossKey "fn": unets.0.downs.1.2.0.cross_attn.fn.to_q.weight',
        'If the version is wrong, set the right one as "version" beside load_model_from.',
      ].join("\n"),
    ]);
  });

  it("reproduces the samplers of that version where asked to", () => {
    const options = { stored: "0.23.4", sampler: "as-written" } as const;
    expect(detect(of(decoders, "0.23.4"), options).dialect).toEqual(
      dialectForVersion("0.23.4", { sampler: "as-written" }),
    );
  });

  it("refuses a version before 0.5.0", () => {
    expect(() => detect(of(decoders, "0.5.0"), { stored: "0.4.9" })).toThrow(DialectError);
  });
});

describe("what the user says", () => {
  it("goes before the checkpoint's version", () => {
    const { dialect, evidence, warnings } = detect(of(decoders, "1.9.0"), { stored: "1.1.0", version: "1.4.5" });
    expect(dialect).toEqual(dialectForVersion("1.4.5", { sampler: "fixed" }));
    expect(evidence.linearAttn).toEqual({ value: "l2vSqrt", source: "override", detail: "version 1.4.5" });
    expect(warnings).toEqual([]);
  });

  it("settles a flag, and with it the versions that have it otherwise", () => {
    const { dialect, evidence, assumed, warnings } = detect(of(decoders, "1.9.0"), {
      overrides: { linearAttn: "vHw" },
    });
    expect(dialect.network).toEqual(dialectForVersion("1.2.0", { sampler: "fixed" }).network);
    expect(evidence.linearAttn).toEqual({ value: "vHw", source: "override", detail: "dialect in the load config" });
    expect(assumed).toEqual([]);
    expect(warnings).toEqual([]);
  });

  it("is believed against names", () => {
    const { dialect, warnings } = detect(of(decoders, "1.9.0"), {
      stored: "1.9.0",
      overrides: { crossKey: "bare", ddimEta: 0 },
    });
    expect(dialect.network.crossKey).toBe("bare");
    expect(dialect.sampler.ddimEta).toBe(0);
    expect(warnings).toEqual([]);
  });

  it("is refused where it is no flag or no value, all at once", () => {
    const act = () => detect(of(decoders, "1.9.0"), { overrides: { linearAttn: "fast", warp: 9 } });
    expect(act).toThrow(ConfigError);
    expect(act).toThrow(
      /dialect\.linearAttn is "fast"; it can be "plain", "vHw", "l2vSqrt"\n {2}dialect\.warp is not a flag; the flags are /,
    );
    const misspelt = () => detect(of(decoders, "1.9.0"), { overrides: { linear_attn: "plain" } });
    expect(misspelt).toThrow("dialect.linear_attn is not a flag; did you mean linearAttn?");
  });
});

describe("what the config says", () => {
  const unet = { dim: 8, image_embed_dim: 32 };
  const decoder = (...unets: Record<string, unknown>[]) => ({ decoder: { unets, image_sizes: [16, 32] } });

  it("settles a band where an option came later", () => {
    // As in the config of nousr's ViT-H-14 decoder.
    const config = decoder({ ...unet, resnet_weight_standardization: true }, unet);
    const { dialect, evidence, assumed } = detect(of(decoders, "1.9.0"), { config });
    expect(assumed).toEqual([]);
    expect(dialect.network).toEqual(dialectForVersion("1.9.0", { sampler: "fixed" }).network);
    expect(evidence.weightStd).toEqual({
      value: "byConfig",
      source: "config",
      detail: "decoder.unets[0].resnet_weight_standardization is set",
    });
  });

  it("tells apart the versions that could repeat pixels by option", () => {
    const nearest: Header = new Map(
      [...of(decoders, "0.19.6")].map(([name, entry]) => {
        const transposed = /(ups\.\d+\.3)\.(weight|bias)$/.exec(name);
        return [transposed ? name.replace(transposed[0], `${transposed[1]!}.1.${transposed[2]!}`) : name, entry];
      }),
    );
    const upsample = (options: object) => {
      return detect(nearest, { config: decoder({ ...unet, ...options }, unet) }).dialect.network.upsample;
    };
    expect([upsample({}), upsample({ nearest_upsample: true })]).toEqual(["pixelShuffle", "convTranspose"]);
  });

  it("weighs less than names", () => {
    const config = decoder({ ...unet, resnet_weight_standardization: true }, unet);
    const { dialect, warnings } = detect(of(decoders, "0.15.4"), { config });
    expect(dialect.network).toEqual(dialectForVersion("0.15.4", { sampler: "fixed" }).network);
    expect(warnings).toEqual([]);
  });

  it("is the one in the checkpoint where none is given", () => {
    const config = { prior: { net: { dim: 32, depth: 1 }, image_embed_dim: 32, predict_v: true } };
    const { assumed } = detectDialect({ name: "prior.pth", tensors: of(priors, "1.12.1"), config });
    expect(assumed).not.toContain("priorCfg");
  });
});

describe("components", () => {
  const header = (...names: string[]): Header => new Map(names.map((name) => [name, { shape: [4] }]));
  const below = (prefix: string, tensors: Header): Header =>
    new Map(
      [...tensors].flatMap(([name, entry]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), entry]] : [])),
    );

  it.each([
    ["decoder", of(decoders, "1.14.0")],
    ["prior", of(priors, "1.14.0")],
    ["unet", below("unets.1.", of(decoders, "1.14.0"))],
    ["priorNetwork", below("net.", of(priors, "1.14.0"))],
    ["clip", header("visual.conv1.weight", "token_embedding.weight")],
    ["clip", header("text_model.final_layer_norm.weight")],
  ] as const)("%s", (component, tensors) => {
    expect(detect(tensors).component).toBe(component);
  });

  it("a CLIP is masked as today", () => {
    const { dialect, warnings } = detect(header("visual.conv1.weight"));
    expect(dialect).toEqual(currentDialect);
    expect(warnings).toEqual([]);
  });

  it("an upsampler that lies alone in a decoder's file is told by its place", () => {
    const alone = new Map([...of(decoders, "0.23.4")].filter(([name]) => name.startsWith("unets.1.")));
    expect(detect(alone)).toMatchObject({ component: "decoder", dialect: { version: "0.23.10" } });
  });

  it("refuses anything else", () => {
    expect(() => detect(header("conv1.weight"))).toThrow(/model\.pth holds neither a prior nor a decoder nor a CLIP/);
  });

  it("says so where names are of no version", () => {
    const tensors = new Map(of(decoders, "1.14.0"));
    tensors.set("unets.0.image_to_cond.0.weight", { shape: [48, 32] });
    tensors.delete("unets.0.null_image_hiddens");
    const { dialect, warnings } = detect(tensors);
    expect(dialect.network).toEqual({ ...currentDialect.network, imageHiddens: "none" });
    expect(warnings).toEqual([expect.stringContaining("no version has all of its names and shapes")]);
  });
});
