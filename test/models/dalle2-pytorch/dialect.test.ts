import { describe, expect, it } from "vitest";
import { DialectError } from "../../../src/models/dialect-error.js";
import {
  compareVersions,
  currentDialect,
  dialectForVersion,
} from "../../../src/models/dalle2-pytorch/dialect/dialect.js";
import type { NetworkDialect, SamplerDialect } from "../../../src/models/dalle2-pytorch/dialect/flags.js";
import { NETWORK_HISTORY, SAMPLER_HISTORY } from "../../../src/models/dalle2-pytorch/dialect/table.js";

const network = (version: string) => dialectForVersion(version, { sampler: "as-written" }).network;
const asWritten = (version: string) => dialectForVersion(version, { sampler: "as-written" }).sampler;
const fixed = (version: string) => dialectForVersion(version, { sampler: "fixed" }).sampler;

/** Last release before a change and the first with it: the borders of every interval of every flag. */
type Border<Flags> = { [F in keyof Flags]: [F, string, Flags[F], string, Flags[F]] }[keyof Flags];

const networkBorders: Border<NetworkDialect>[] = [
  ["noisePrefix", "0.10.9", "root", "0.11.0", "noiseScheduler"],
  ["normParam", "0.15.4", "gamma", "0.16.0", "g"],
  ["lnStable", "0.16.0", "none", "0.16.2", "all"],
  ["lnStable", "0.23.2", "all", "0.23.3", "finalPrior"],
  ["lnHalfEps", "1.4.0", 1e-5, "1.4.2", 1e-3],
  ["priorAttn", "1.4.2", "scaled", "1.4.3", "cosine16"],
  ["relposMult", "0.16.0", 1, "0.16.2", 1024],
  ["relposMult", "0.23.2", 1024, "0.23.3", 128],
  ["relposMult", "1.4.2", 128, "1.4.3", 1],
  ["unetSelfScale", "1.4.2", "rsqrt", "1.4.3", "reciprocalOrCosine16"],
  ["linearAttn", "1.1.0", "plain", "1.2.0", "vHw"],
  ["linearAttn", "1.2.2", "vHw", "1.4.0", "l2vSqrt"],
  ["crossAttn", "1.2.2", "scaled", "1.4.0", "byConfig"],
  ["crossKey", "1.12.4", "fn", "1.14.0", "bare"],
  ["film", "0.5.1", "add", "0.5.2", "scaleShift"],
  ["imageHiddens", "0.5.9", "none", "0.6.0", "unnulled"],
  ["imageHiddens", "0.6.16", "unnulled", "0.7.0", "nulled"],
  ["layout", "0.5.4", "ASingle", "0.5.5", "A"],
  ["layout", "0.7.1", "A", "0.8.0", "B"],
  ["layout", "0.8.0", "B", "0.8.1", "C"],
  ["layout", "0.9.0", "C", "0.9.1", "CAllUps"],
  ["layout", "0.12.4", "CAllUps", "0.14.0", "D"],
  ["layout", "0.15.2", "D", "0.15.3", "E"],
  ["upsample", "0.12.4", "convTransposeSame", "0.14.0", "nearestConv"],
  ["upsample", "0.14.1", "nearestConv", "0.15.0", "convTranspose"],
  ["upsample", "0.20.1", "convTranspose", "0.21.0", "pixelShuffle"],
  ["downsample", "1.9.0", "conv4x4", "1.10.0", "unshuffle1x1"],
  ["memEff", "0.7.1", "never", "0.8.0", "always"],
  ["memEff", "0.8.0", "always", "0.8.1", "byConfig"],
  ["finalHead", "0.12.4", "finalConv", "0.14.0", "finalResnet3x3"],
  ["finalHead", "0.14.1", "finalResnet3x3", "0.15.0", "finalResnet"],
  ["finalResidual", "0.9.1", "off", "0.9.2", "on"],
  ["lowresConcatEnd", "0.23.10", "off", "0.24.0", "on"],
  ["initConv", "0.24.2", "crossEmbed", "0.24.3", "byConfig"],
  ["skipScale", "0.12.2", "one", "0.12.3", "byConfig"],
  ["weightStd", "1.6.5", "off", "1.7.0", "byConfig"],
  ["unetSelfCond", "1.5.0", "off", "1.6.0", "byConfig"],
  ["priorSelfCond", "1.6.0", "off", "1.6.1", "imageImageZero"],
  ["priorSelfCond", "1.6.2", "imageImageZero", "1.6.3", "imageImageSelf"],
  ["priorSelfCond", "1.12.0", "imageImageSelf", "1.12.1", "imageSelfQuery"],
  ["lowresNoise", "0.24.3", "off", "0.25.0", "byConfig"],
  ["upsampleCombiner", "1.0.6", "off", "1.1.0", "byConfig"],
  ["unetTextPad", "0.21.0", "mask", "0.21.1", "nullEmbed"],
  ["priorTextPad", "0.21.0", "maskOrOnes", "0.21.1", "maskOrNonZero"],
  ["priorTextPad", "0.21.3", "maskOrNonZero", "0.22.0", "nonZero"],
  ["priorTextPad", "0.22.1", "nonZero", "0.22.2", "ones"],
  ["priorTextPad", "0.22.3", "ones", "0.23.1", "nullTokens"],
  ["priorCfg", "0.22.3", "mask", "0.23.1", "noop"],
  ["priorCfg", "1.8.4", "noop", "1.9.0", "nullsKeepTextEmbed"],
  ["priorCfg", "1.10.3", "nullsKeepTextEmbed", "1.10.4", "nullsAll"],
  ["priorTime", "0.16.8", "sinusFloat", "0.16.9", "sinusInt"],
  ["priorTime", "1.10.7", "sinusInt", "1.10.8", "sinusFloat"],
  ["clipTextMask", "0.19.6", "ne0Raw", "0.20.0", "ne0"],
  ["clipTextMask", "0.23.7", "ne0", "0.23.8", "eos"],
  ["clipTextMask", "1.11.3", "eos", "1.11.4", "eosAndNe0"],
  ["lowresResize", "0.16.15", "cubic", "0.16.16", "cubicClamp"],
  ["lowresResize", "0.23.9", "cubicClamp", "0.23.10", "nearest"],
];

const samplerBorders: Border<SamplerDialect>[] = [
  ["ddimAlphas", "0.18.0", "cumprod", "0.19.1", "prev"],
  ["ddimAlphas", "1.10.2", "prev", "1.10.3", "cumprod"],
  ["ddimGridDecoder", "0.18.0", "descending", "0.19.1", "allPairs"],
  ["ddimGridDecoder", "1.10.2", "allPairs", "1.10.3", "descending"],
  ["ddimGridPrior", "0.18.0", "toMinusOne", "0.19.1", "asDecoder"],
  ["ddimGridPrior", "1.10.2", "asDecoder", "1.10.3", "toMinusOne"],
  ["ddimEta", "0.18.0", 0, "0.19.1", 1],
  ["ddimEta", "1.11.4", 1, "1.12.0", 0],
  ["ddimNoiseDecoder", "0.18.0", "clamped", "0.19.1", "rawOrUnclamped"],
  ["ddimNoiseDecoder", "1.11.0", "rawOrUnclamped", "1.11.1", "rawOrClamped"],
  ["ddimNoiseDecoder", "1.12.2", "rawOrClamped", "1.12.3", "clamped"],
  ["ddimNoisePrior", "0.18.0", "clamped", "0.19.1", "rawOrUnclamped"],
  ["ddimNoisePrior", "1.10.4", "rawOrUnclamped", "1.10.5", "rawOrClamped"],
  ["ddimNoisePrior", "1.12.2", "rawOrClamped", "1.12.3", "clamped"],
  ["ddimNoiseSign", "0.18.0", "right", "0.19.1", "negated"],
  ["ddimNoiseSign", "0.25.1", "negated", "0.25.2", "right"],
  ["ddimLastNoise", "0.18.0", "off", "0.19.1", "on"],
  ["ddimLastNoise", "0.19.3", "on", "0.19.4", "off"],
  ["ddimPriorUpdate", "0.18.0", "on", "0.19.1", "off"],
  ["ddimPriorUpdate", "0.19.4", "off", "0.19.5", "on"],
  ["ddimLowresNormalize", "0.18.0", "on", "0.19.1", "off"],
  ["ddimLowresNormalize", "0.23.3", "off", "0.23.4", "on"],
  ["priorCfgMask", "0.21.3", "inPlace", "0.22.0", "fresh"],
  ["textMaskDefault", "0.19.6", "allText", "0.20.0", "nonZero"],
  ["dynamicThresPercentile", "0.26.0", 0.9, "0.26.1", 0.95],
  ["inpaint", "0.25.2", "repaint", "0.26.0", "renoise"],
  ["inpaint", "1.0.4", "renoise", "1.0.5", "repaint"],
];

describe("dialectForVersion", () => {
  it.each(networkBorders)("network: %s is up to %s %o and from %s %o", (flag, before, oldValue, since, newValue) => {
    expect(network(before)[flag]).toBe(oldValue);
    expect(network(since)[flag]).toBe(newValue);
  });

  it.each(samplerBorders)("sampler: %s is up to %s %o and from %s %o", (flag, before, oldValue, since, newValue) => {
    expect(asWritten(before)[flag]).toBe(oldValue);
    expect(asWritten(since)[flag]).toBe(newValue);
  });

  it("has no border that the lists above leave out", () => {
    const histories = { ...NETWORK_HISTORY, ...SAMPLER_HISTORY };
    const changes = Object.entries(histories).flatMap(([flag, history]) =>
      history.slice(1).map(([v]) => `${flag} ${v}`),
    );
    const tested = [...networkBorders, ...samplerBorders].map(([flag, , , since]) => `${flag} ${since}`);
    expect(tested.sort()).toEqual(changes.sort());
  });

  it("keeps every history in ascending order from the oldest version", () => {
    for (const history of Object.values({ ...NETWORK_HISTORY, ...SAMPLER_HISTORY })) {
      const versions = history.map(([version]) => version);
      expect(versions[0]).toBe("0.5.0");
      expect(versions).toEqual([...versions].sort(compareVersions));
    }
  });

  it("mends the samplers' bugs unless asked for them as written", () => {
    expect(fixed("0.19.2")).toEqual({
      ...fixed("1.15.6"),
      ddimGridPrior: "asDecoder",
      ddimEta: 1,
      dynamicThresPercentile: 0.9,
    });
    expect(asWritten("0.19.2")).toMatchObject({
      ddimNoiseSign: "negated",
      ddimPriorUpdate: "off",
      ddimLastNoise: "on",
    });
  });

  it("never lets the mode touch the network", () => {
    for (const version of ["0.5.0", "0.16.2", "0.23.4", "1.10.4", "1.15.6"]) {
      expect(dialectForVersion(version, { sampler: "fixed" }).network).toEqual(network(version));
    }
  });

  it("takes later versions for the current one, whose samplers are as written", () => {
    expect(network("2.0.0")).toEqual(currentDialect.network);
    expect(asWritten("1.15.6")).toEqual(currentDialect.sampler);
    expect(asWritten("1.12.3")).toEqual(currentDialect.sampler);
  });

  it.each(["v1.4.2", "1.4.2+cu113", "1.4.2rc1", " 1.4.2 "])("reads %o as 1.4.2", (version) => {
    expect(network(version).relposMult).toBe(128);
  });

  it.each(["", "latest", "0.4.9", "0.0.1"])("refuses %o", (version) => {
    expect(() => network(version)).toThrow(DialectError);
  });
});

describe("compareVersions", () => {
  it.each([
    ["0.9.2", "0.10.0", -1],
    ["1.10.0", "1.9.0", 1],
    ["1.2", "1.2.0", 0],
    ["1.2.0", "1.2.0.1", -1],
  ])("orders %s and %s", (a, b, sign) => {
    expect(Math.sign(compareVersions(a, b))).toBe(sign);
  });
});
