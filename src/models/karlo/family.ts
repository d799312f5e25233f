import { InternalError } from "../../platform/internal-error.js";
import { NO_NAMES } from "../../weights/tree/model-names.js";
import type { Family } from "../family.js";
import { NETWORK_RUNNERS } from "./verify/kinds.js";

/** Karlo (kakaobrain): an unCLIP model in the folder layout of diffusers. Its networks run; it claims no files. */
export const karlo: Family = {
  name: "Karlo",
  supported: "model folders of Karlo",
  names: NO_NAMES,
  configKeys: {},
  claim: () => undefined,
  verify: NETWORK_RUNNERS,
  inspect: (): never => {
    throw new InternalError("Karlo claims no file, so there is none to inspect.");
  },
  convertedMetadata: () => ({}),
};
