import { NO_NAMES } from "../../weights/tree/model-names.js";
import type { Family } from "../family.js";
import { claim, inspect } from "./claim.js";
import { describeFolder } from "./describe.js";
import { loadCascade, loadEncoders, loadPrior } from "./load.js";
import { RUNNERS } from "./verify/kinds.js";

/** Karlo: unCLIP in folders of the diffusers library (`UnCLIPPipeline` and `UnCLIPImageVariationPipeline`). */
export const karlo: Family = {
  name: "Karlo",
  supported: "folders of Karlo in the layout of diffusers",
  names: NO_NAMES,
  configKeys: {},
  claim,
  prior: loadPrior,
  cascade: loadCascade,
  encoders: loadEncoders,
  verify: RUNNERS,
  inspect,
  describeFolder,
  convertedMetadata: () => ({}),
};
