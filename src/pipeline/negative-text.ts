import { isGuided } from "../diffusion/guidance.js";
import type { AskedSettings } from "../diffusion/settings.js";
import { ArgumentError } from "../platform/arguments.js";
import { decoderOf, fillDecoderSettings } from "./decoder-call.js";
import type { DalleModelManager } from "./manager/model-manager.js";
import type { SampleDecoderOptions } from "./script-options.js";

/** Throws `ArgumentError` where a negative text would change nothing, with the prior guided as `prior` says. */
export function checkNegative(manager: DalleModelManager, options: SampleDecoderOptions, prior: AskedSettings): void {
  const { startAtUnetNumber: start = 1, stopAtUnetNumber: stop } = options;
  const settings = fillDecoderSettings(manager, options);
  const hears = decoderOf(manager)
    .stages.slice(start - 1, stop)
    .some(({ stage: { unet }, index }) => {
      const isTold = unet.condOnTextEncodings || (unet.condOnImageEmbeds && manager.prior !== undefined);
      return isTold && isGuided(settings[index]!);
    });
  if (hears || isGuided(prior)) return;
  throw new ArgumentError(
    "negativeText",
    "negativeText would change nothing: it takes guidance, a condScale other than 1, of the prior or of a U-Net that is told of texts or image embeddings.",
    { code: "argument/no-effect" },
  );
}
