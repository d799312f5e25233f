import { loadPart } from "../../platform/load-part.js";
import type { Family } from "../family.js";
import type { Opened } from "../opened.js";
import { componentOf, type Component } from "./dialect/component.js";
import { modelNames } from "./dialect/component-names.js";
import { dialectEntries } from "./dialect/dialect-config.js";

/** What messages call the components of this family. */
const CLAIMS = {
  prior: { kind: "prior", words: "a prior" },
  decoder: { kind: "decoder", words: "a decoder" },
  clip: { kind: "clip", words: "a CLIP" },
  unet: { kind: undefined, words: "a U-Net without its decoder's schedule" },
  priorNetwork: { kind: undefined, words: "the network of a prior without its schedule" },
} as const satisfies Readonly<Record<Component, object>>;

const loading = () => loadPart("priors and decoders of DALLE2-pytorch", () => import("./load.js"));
const inspection = () => loadPart("descriptions of DALLE2-pytorch's models", () => import("./inspect.js"));

/**
 * Priors and decoders of lucidrains' DALLE2-pytorch, of any version since 0.5.0. Claims CLIPs too, which DALLE2-pytorch uses
 * through its own adapters.
 */
export const dalle2Pytorch: Family = {
  name: "DALLE2-pytorch",
  supported: "priors and decoders of DALLE2-pytorch",
  names: modelNames,
  configKeys: dialectEntries,
  claim: (opened: Opened) => {
    const component = opened.kind === "file" ? componentOf(opened.tensors) : undefined;
    return component && { component, ...CLAIMS[component] };
  },
  prior: async (request) => (await loading()).loadPrior(request),
  cascade: async (requests) => (await loading()).loadDecoder(requests),
  verify: async () => (await import("./verify/kinds.js")).RUNNERS,
  inspect: async (checkpoint) => (await inspection()).inspect(checkpoint),
  convertedMetadata: async (checkpoint) => (await inspection()).convertedMetadata(checkpoint),
};
