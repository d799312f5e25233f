import type { Arena } from "../tensor/arena.js";
import type { Fixture } from "./fixture.js";
import { verifyClip } from "./clip.js";
import { verifyDecoderSample } from "./decoder-sample.js";
import { verifyPipeline } from "./pipeline.js";
import { verifyPriorNet } from "./prior-net.js";
import { verifyPriorSample } from "./prior-sample.js";
import { verifyResize } from "./resize.js";
import type { Output } from "./result.js";
import { verifyRng } from "./rng.js";
import { verifySchedules } from "./schedules.js";
import { verifyTokenizer } from "./tokenizer.js";
import { verifyUnet } from "./unet.js";

/**
 * Computes the outputs of a fixture of one kind and pairs them with the reference's. Opens the GPU by `openArena` only if it
 * needs it. Throws UnsupportedError for what the library does not run.
 */
export type Runner = (fixture: Fixture, openArena: () => Promise<Arena>) => Promise<readonly Output[]>;

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
