import type { DalleModelManager } from "../pipeline/manager/model-manager.js";
import { BasicInference } from "../pipeline/scripts/basic-inference.js";
import { BasicInpainting } from "../pipeline/scripts/basic-inpainting.js";
import { Embed } from "../pipeline/scripts/embed.js";
import { ImageVariation } from "../pipeline/scripts/image-variation.js";
import { Interpolate } from "../pipeline/scripts/interpolate.js";
import { TextGuidedEdit } from "../pipeline/scripts/text-guided-edit.js";
import { Upscale } from "../pipeline/scripts/upscale.js";
import type { ScriptOptions } from "../pipeline/script-options.js";
import type { LibraryScripts, RemoteScript } from "../worker/scripts.js";
import type { ScriptSource } from "./run.js";

type Makers = {
  readonly [Name in keyof LibraryScripts]: (
    manager: DalleModelManager,
    options?: ScriptOptions,
  ) => RemoteScript<LibraryScripts[Name]>;
};

const MAKERS: Makers = {
  BasicInference: (...args) => new BasicInference(...args),
  BasicInpainting: (...args) => new BasicInpainting(...args),
  Embed: (...args) => new Embed(...args),
  ImageVariation: (...args) => new ImageVariation(...args),
  Interpolate: (...args) => new Interpolate(...args),
  TextGuidedEdit: (...args) => new TextGuidedEdit(...args),
  Upscale: (...args) => new Upscale(...args),
};

/** The scripts of the library on a manager of this thread. */
export function localScripts(manager: DalleModelManager): ScriptSource {
  return { script: (name, options) => MAKERS[name](manager, options) };
}
