import { describeUniform } from "../image/mask.js";
import { canvasNotes } from "../pipeline/canvas.js";
import { InferenceScript } from "../pipeline/inference-script.js";
import type { DalleModelManager } from "../pipeline/manager/model-manager.js";
import { Dalle2Error } from "../platform/dalle2-error.js";
import { isSeries } from "./images.js";
import { canvasOf } from "./request-canvas.js";
import { runsPrior, type ImageRequest } from "./request.js";

/** Tokenizes the texts of a request as scripts do, for the warnings of that. */
class RequestTexts extends InferenceScript {
  async tokenize({ parameters: { task, isBetweenImages, prompts, negative } }: ImageRequest): Promise<void> {
    const texts = [...new Set([...prompts, ...(negative ? [negative] : [])])];
    const isReadByClip = runsPrior({ task, isBetweenImages }) || task === "edit";
    if (isReadByClip) await this.tokenizeText(texts);
    else if (this.takesText) await this.tokenizeDecoderText(texts);
  }
}

/**
 * The warnings that a request has alone. In a batch of several requests a script does not say which one a warning is for, and
 * warnings quote prompts.
 */
export async function requestWarnings(manager: DalleModelManager, request: ImageRequest): Promise<readonly string[]> {
  const warnings: string[] = [];
  const texts = new RequestTexts(manager, { onWarning: (message) => warnings.push(message) });
  await texts.tokenize(request).catch((error: unknown) => {
    // The request will fail with it.
    if (!(error instanceof Dalle2Error)) throw error;
  });
  const { mask, parameters } = request;
  const info = manager.decoder?.unets[0];
  if (info) warnings.push(...canvasNotes(info, canvasOf(request)));
  const uniform = mask && !isSeries(parameters.task) ? describeUniform(mask) : undefined;
  return uniform === undefined ? warnings : [...warnings, `The mask ${uniform}.`];
}
