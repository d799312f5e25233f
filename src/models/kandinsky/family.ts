import { loadPart } from "../../platform/load-part.js";
import { NO_NAMES } from "../../weights/tree/model-names.js";
import type { Family } from "../family.js";
import { claim } from "./claim.js";

const loading = () => loadPart("Kandinsky's models", () => import("./load.js"));
const loadingDecoder = () => loadPart("Kandinsky's decoder", () => import("./load-decoder.js"));
const describing = () => loadPart("descriptions of Kandinsky's models", () => import("./describe.js"));

/** Kandinsky 2.2: unCLIP with a decoder in a latent space, in folders of the diffusers library (`KandinskyV22…Pipeline`). */
export const kandinsky: Family = {
  name: "Kandinsky 2.2",
  supported: "folders of Kandinsky 2.2 in the layout of diffusers",
  names: NO_NAMES,
  configKeys: {},
  claim,
  prior: async (request) => (await loading()).loadPrior(request),
  cascade: async (requests) => (await loadingDecoder()).loadCascade(requests),
  encoders: async (request) => (await loading()).loadEncoders(request),
  priorOf: async (folder) =>
    (await loadPart("the place of Kandinsky's prior", () => import("./prior-of.js"))).priorOf(folder),
  verify: async () => (await import("./verify/kinds.js")).RUNNERS,
  inspect: async (checkpoint) => (await describing()).inspect(checkpoint),
  describeFolder: async (folder) => (await describing()).describeFolder(folder),
  convertedMetadata: () => ({}),
};
