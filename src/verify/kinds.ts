import type { Runner } from "../fixture/runner.js";
import { families } from "../models/families.js";
import { verifyKandinskyEmb2Emb, verifyKandinskyInterpolate, verifyKandinskyPrior } from "./kandinsky.js";
import { verifyKandinskyTextToImage } from "./kandinsky-text-to-image.js";
import { verifyKarloImageVariation, verifyKarloTextToImage } from "./karlo.js";
import { verifyPipeline } from "./pipeline.js";
import { verifyResize } from "./resize.js";
import { verifyRng } from "./rng.js";
import { verifyStableUnclipImageVariation, verifyStableUnclipTextToImage } from "./stable-unclip.js";
import { verifyTokenizer } from "./tokenizer.js";

/** The runners of the kinds of fixture that belong to no family. */
const SHARED: readonly (readonly [kind: string, runner: Runner])[] = [
  ["karlo-text-to-image", verifyKarloTextToImage],
  ["karlo-image-variation", verifyKarloImageVariation],
  ["kandinsky-prior", verifyKandinskyPrior],
  ["kandinsky-emb2emb", verifyKandinskyEmb2Emb],
  ["kandinsky-interpolate", verifyKandinskyInterpolate],
  ["kandinsky-text-to-image", verifyKandinskyTextToImage],
  ["stable-unclip-text-to-image", verifyStableUnclipTextToImage],
  ["stable-unclip-image-variation", verifyStableUnclipImageVariation],
  ["pipeline", verifyPipeline],
  ["resize", verifyResize],
  ["rng", verifyRng],
  ["tokenizer", verifyTokenizer],
];

/** Returns the runner of each kind of fixture. */
export async function runners(): Promise<ReadonlyMap<string, Runner>> {
  const own = await Promise.all(families().map((family) => family.verify()));
  return new Map([...SHARED, ...own.flatMap((kinds) => [...kinds])]);
}
