import type { Runner } from "../../../fixture/runner.js";
import { ENCODERS } from "../../diffusers/clip-encoders.js";
import { imageEncoderRunner, textEncoderRunner, verifyTokenizer } from "../../diffusers/verify/encoders.js";
import { priorNetRunner } from "../../diffusers/verify/prior-net.js";
import { verifyControlnet } from "./controlnet.js";
import { verifyDecoderSample } from "./decoder-sample.js";
import { verifyImg2img } from "./img2img.js";
import { verifyInpaint } from "./inpaint.js";
import { verifyMovq } from "./movq.js";
import { verifyPreprocess } from "./preprocess.js";
import { verifyPriorSample } from "./prior-sample.js";
import { verifyScheduler } from "./scheduler.js";
import { LATENT_FORWARD } from "../../diffusers/verify/tolerances.js";
import { verifyUnet } from "./unet.js";

/** The runners of fixtures of Kandinsky's parts. Those of whole pipelines are in src/verify. */
export const RUNNERS: ReadonlyMap<string, Runner> = new Map<string, Runner>([
  ["kandinsky-prior-net", priorNetRunner(LATENT_FORWARD)],
  ["kandinsky-text-encoder", textEncoderRunner(LATENT_FORWARD)],
  ["kandinsky-image-encoder", imageEncoderRunner(LATENT_FORWARD, { ...ENCODERS, processor: "image_processor" })],
  ["kandinsky-scheduler", verifyScheduler],
  ["kandinsky-prior-sample", verifyPriorSample],
  ["kandinsky-unet", verifyUnet],
  ["kandinsky-img2img", verifyImg2img],
  ["kandinsky-inpaint", verifyInpaint],
  ["kandinsky-controlnet", verifyControlnet],
  ["kandinsky-preprocess", verifyPreprocess],
  ["kandinsky-decoder-sample", verifyDecoderSample],
  ["kandinsky-movq", verifyMovq],
  ["kandinsky-tokenizer", verifyTokenizer],
]);
