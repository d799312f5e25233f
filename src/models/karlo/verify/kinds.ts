import type { Runner } from "../../../fixture/runner.js";
import { verifyDecoderSample } from "./decoder-sample.js";
import { imageEncoderRunner, textEncoderRunner, verifyTokenizer } from "../../diffusers/verify/encoders.js";
import { priorNetRunner } from "../../diffusers/verify/prior-net.js";
import { FORWARD } from "../../diffusers/verify/tolerances.js";
import { verifyPriorSample } from "./prior-sample.js";
import { verifyResize } from "./resize.js";
import { verifyScheduler } from "./scheduler.js";
import { verifySuperResolutionSample } from "./super-resolution-sample.js";
import { verifyTextProjection } from "./text-projection.js";
import { verifyDecoderUnet, verifySuperResolutionUnet } from "./unets.js";

/** The runners of fixtures of Karlo's parts. Those of whole pipelines are in src/verify. */
export const RUNNERS: ReadonlyMap<string, Runner> = new Map<string, Runner>([
  ["karlo-prior-net", priorNetRunner(FORWARD)],
  ["karlo-text-proj", verifyTextProjection],
  ["karlo-decoder-unet", verifyDecoderUnet],
  ["karlo-sr-unet", verifySuperResolutionUnet],
  ["karlo-scheduler", verifyScheduler],
  ["karlo-prior-sample", verifyPriorSample],
  ["karlo-decoder-sample", verifyDecoderSample],
  ["karlo-sr-sample", verifySuperResolutionSample],
  ["karlo-text-encoder", textEncoderRunner(FORWARD)],
  ["karlo-image-encoder", imageEncoderRunner(FORWARD)],
  ["karlo-tokenizer", verifyTokenizer],
  ["karlo-resize", verifyResize],
]);
