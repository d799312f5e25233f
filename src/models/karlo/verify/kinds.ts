import type { Runner } from "../../../fixture/runner.js";
import { verifyPriorNet } from "./prior-net.js";
import { verifyScheduler } from "./scheduler.js";
import { verifyTextProjection } from "./text-projection.js";
import { verifyDecoderUnet, verifySuperResolutionUnet } from "./unets.js";

/** The runners of fixtures of the networks and of their scheduler. */
export const NETWORK_RUNNERS: ReadonlyMap<string, Runner> = new Map<string, Runner>([
  ["karlo-prior-net", verifyPriorNet],
  ["karlo-text-proj", verifyTextProjection],
  ["karlo-decoder-unet", verifyDecoderUnet],
  ["karlo-sr-unet", verifySuperResolutionUnet],
  ["karlo-scheduler", verifyScheduler],
]);
