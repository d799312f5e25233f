import { isGuided } from "../diffusion/guidance.js";
import type { AskedSettings } from "../diffusion/settings.js";
import { ArgumentError } from "../platform/arguments.js";
import { decoderOf, fillDecoderSettings } from "./decoder-call.js";
import type { DalleModelManager } from "./manager/model-manager.js";
import type { SampleDecoderOptions } from "./script-options.js";

/** Throws `ArgumentError` if a negative prompt would change nothing. `prior` has the settings of the prior. */
export function checkNegative(manager: DalleModelManager, options: SampleDecoderOptions, prior: AskedSettings): void {
  const { startAtUnetNumber: start = 1, stopAtUnetNumber: stop } = options;
  const settings = fillDecoderSettings(manager, options);
  const guidesUnet = decoderOf(manager)
    .stages.slice(start - 1, stop)
    .some(({ info: { takesText, takesImageEmbed } }, i) => {
      const usesText = takesText || (takesImageEmbed && manager.prior !== undefined);
      return usesText && isGuided(settings[start - 1 + i]!);
    });
  const guidesPrior = manager.models.prior?.model.takesNegative !== false && isGuided(prior);
  if (guidesUnet || guidesPrior) return;
  throw new ArgumentError(
    "negativeText",
    "negativeText would change nothing: it needs guidance (a condScale other than 1) of the prior, or of a U-Net that takes text or image embeddings.",
    { code: "argument/no-effect" },
  );
}
