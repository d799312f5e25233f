import type { Runner } from "../../../fixture/runner.js";
import { verifyImageEncoder, verifyTextEncoder, verifyTokenizer } from "./encoders.js";
import { verifyPriorNet } from "./prior-net.js";
import { verifyResize } from "./resize.js";
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

/** The runners of fixtures of the encoders, and of what prepares their inputs and those of the networks. */
export const ENCODER_RUNNERS: ReadonlyMap<string, Runner> = new Map<string, Runner>([
  ["karlo-text-encoder", verifyTextEncoder],
  ["karlo-image-encoder", verifyImageEncoder],
  ["karlo-tokenizer", verifyTokenizer],
  ["karlo-resize", verifyResize],
]);
