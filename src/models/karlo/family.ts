import { loadPart } from "../../platform/load-part.js";
import { NO_NAMES } from "../../weights/tree/model-names.js";
import type { Family } from "../family.js";
import { claim } from "./claim.js";

const loading = () => loadPart("Karlo's models", () => import("./load.js"));
const describing = () => loadPart("descriptions of Karlo's models", () => import("./describe.js"));

/** Karlo: unCLIP in folders of the diffusers library (`UnCLIPPipeline` and `UnCLIPImageVariationPipeline`). */
export const karlo: Family = {
  name: "Karlo",
  supported: "folders of Karlo in the layout of diffusers",
  names: NO_NAMES,
  configKeys: {},
  claim,
  prior: async (request) => (await loading()).loadPrior(request),
  cascade: async (requests) => (await loading()).loadCascade(requests),
  encoders: async (request) => (await loading()).loadEncoders(request),
  verify: async () => (await import("./verify/kinds.js")).RUNNERS,
  inspect: async (checkpoint) => (await describing()).inspect(checkpoint),
  describeFolder: async (folder) => (await describing()).describeFolder(folder),
  convertedMetadata: () => ({}),
};
