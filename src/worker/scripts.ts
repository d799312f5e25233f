import type { InferenceScript } from "../pipeline/inference-script.js";
import type { DalleModelManager } from "../pipeline/manager/model-manager.js";
import type { ScriptOptions } from "../pipeline/script-options.js";
import type { BasicInference } from "../pipeline/scripts/basic-inference.js";
import type { BasicInpainting } from "../pipeline/scripts/basic-inpainting.js";
import type { Embed } from "../pipeline/scripts/embed.js";
import type { ImageVariation } from "../pipeline/scripts/image-variation.js";
import type { Interpolate } from "../pipeline/scripts/interpolate.js";
import type { TextGuidedEdit } from "../pipeline/scripts/text-guided-edit.js";
import type { Upscale } from "../pipeline/scripts/upscale.js";
import type { RemoteMethod } from "./options.js";

/** A class of scripts. */
export type ScriptClass = new (manager: DalleModelManager, options?: ScriptOptions) => InferenceScript;

/** Classes of scripts by name. */
export type ScriptClasses = Readonly<Record<string, ScriptClass>>;

/** The scripts of the library by name, which every worker has. */
export interface LibraryScripts {
  /** Texts to images. */
  readonly BasicInference: typeof BasicInference;
  /** Images, masks and texts to images with the free parts generated. */
  readonly BasicInpainting: typeof BasicInpainting;
  /** Texts and images to embeddings. */
  readonly Embed: typeof Embed;
  /** Images to variations of them. */
  readonly ImageVariation: typeof ImageVariation;
  /** Two images or prompts to the images between them. */
  readonly Interpolate: typeof Interpolate;
  /** Images and two texts to images changed by their difference. */
  readonly TextGuidedEdit: typeof TextGuidedEdit;
  /** Small images to larger ones. */
  readonly Upscale: typeof Upscale;
}

/**
 * A script in a worker: the public methods of its class, with the options of these but what is bound to a thread.
 * @typeParam Class - The class.
 */
export type RemoteScript<Class> = Class extends new (...args: never) => infer Script
  ? {
      readonly [Name in Exclude<keyof Script & string, "dispose">]: Script[Name] extends (...args: never) => unknown
        ? RemoteMethod<Script[Name]>
        : never;
    }
  : never;
