import type { Runner } from "../../../fixture/runner.js";
import { textEncoderRunner } from "../../diffusers/verify/encoders.js";
import { verifyAutoencoder } from "./autoencoder.js";
import { verifyEmbedNoise } from "./embed-noise.js";
import { verifyScheduler } from "./scheduler.js";
import { LATENT_FORWARD } from "../../diffusers/verify/tolerances.js";
import { verifyUnet } from "./unet.js";

/** The runners of fixtures of Stable unCLIP's parts. Those of whole pipelines are in src/verify. */
export const RUNNERS: ReadonlyMap<string, Runner> = new Map<string, Runner>([
  ["stable-unclip-unet", verifyUnet],
  ["stable-unclip-vae", verifyAutoencoder],
  ["stable-unclip-text-encoder", textEncoderRunner(LATENT_FORWARD, false)],
  ["stable-unclip-noise", verifyEmbedNoise],
  ["stable-unclip-scheduler", verifyScheduler],
]);
