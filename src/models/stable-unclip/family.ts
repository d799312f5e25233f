import { loadPart } from "../../platform/load-part.js";
import { NO_NAMES } from "../../weights/tree/model-names.js";
import type { Family } from "../family.js";
import { claim } from "./claim.js";

const describing = () => loadPart("descriptions of Stable unCLIP's models", () => import("./describe.js"));

/** Stable unCLIP (Stable Diffusion 2.1 unCLIP): networks in the layout of the diffusers library. */
export const stableUnclip: Family = {
  name: "Stable unCLIP",
  supported: "networks of Stable unCLIP in the layout of diffusers",
  names: NO_NAMES,
  configKeys: {},
  claim,
  verify: async () => (await import("./verify/kinds.js")).RUNNERS,
  inspect: async (checkpoint) => (await describing()).inspect(checkpoint),
  convertedMetadata: () => ({}),
};
