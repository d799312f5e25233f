import type { Runner } from "../../../fixture/runner.js";
import { verifyDecoderSample } from "./decoder-sample.js";
import { verifyPriorNet } from "./prior-net.js";
import { verifyPriorSample } from "./prior-sample.js";
import { verifyScheduler } from "./scheduler.js";
import { verifySuperResolutionSample } from "./super-resolution-sample.js";
import { verifyTextProjection } from "./text-projection.js";
import { verifyDecoderUnet, verifySuperResolutionUnet } from "./unets.js";

/** The runners of fixtures of the networks, their scheduler and their sampling. */
export const RUNNERS: ReadonlyMap<string, Runner> = new Map<string, Runner>([
  ["karlo-prior-net", verifyPriorNet],
  ["karlo-text-proj", verifyTextProjection],
  ["karlo-decoder-unet", verifyDecoderUnet],
  ["karlo-sr-unet", verifySuperResolutionUnet],
  ["karlo-scheduler", verifyScheduler],
  ["karlo-prior-sample", verifyPriorSample],
  ["karlo-decoder-sample", verifyDecoderSample],
  ["karlo-sr-sample", verifySuperResolutionSample],
]);
