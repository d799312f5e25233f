import { verifyClip } from "./clip.js";
import { verifyDecoderSample } from "./decoder-sample.js";
import { verifyPipeline } from "./pipeline.js";
import { verifyPriorNet } from "./prior-net.js";
import { verifyPriorSample } from "./prior-sample.js";
import { verifyResize } from "./resize.js";
import type { Runner } from "./runner.js";
import { verifyRng } from "./rng.js";
import { verifySchedules } from "./schedules.js";
import { verifyTokenizer } from "./tokenizer.js";
import { verifyUnet } from "./unet.js";

/** The runner of each kind of fixture that can be verified. */
export const RUNNERS: ReadonlyMap<string, Runner> = new Map<string, Runner>([
  ["clip", verifyClip],
  ["decoder-sample", verifyDecoderSample],
  ["pipeline", verifyPipeline],
  ["prior-net", verifyPriorNet],
  ["prior-sample", verifyPriorSample],
  ["resize", verifyResize],
  ["rng", verifyRng],
  ["schedules", verifySchedules],
  ["tokenizer", verifyTokenizer],
  ["unet", verifyUnet],
]);
