import { loadPart } from "../../platform/load-part.js";
import { NO_NAMES } from "../../weights/tree/model-names.js";
import type { Family } from "../family.js";
import { claim } from "./claim.js";

const loading = () => loadPart("models of Stable unCLIP", () => import("./load.js"));
const loadingDecoder = () => loadPart("the decoder of Stable unCLIP", () => import("./load-decoder.js"));
const describing = () => loadPart("descriptions of Stable unCLIP", () => import("./describe.js"));

/**
 * Stable unCLIP: Stable Diffusion 2.1 with a decoder that also takes an image embedding, in folders of the diffusers library
 * (`StableUnCLIPPipeline`, `StableUnCLIPImg2ImgPipeline`).
 */
export const stableUnclip: Family = {
  name: "Stable unCLIP",
  supported: "folders of Stable unCLIP in the layout of diffusers",
  names: NO_NAMES,
  configKeys: {},
  claim,
  prior: async (request) => (await loading()).loadPrior(request),
  cascade: async (requests) => (await loadingDecoder()).loadCascade(requests),
  encoders: async (request) => (await loading()).loadEncoders(request),
  verify: async () => (await import("./verify/kinds.js")).RUNNERS,
  inspect: async (checkpoint) => (await describing()).inspect(checkpoint),
  describeFolder: async (folder) => (await describing()).describeFolder(folder),
  convertedMetadata: () => ({}),
};
