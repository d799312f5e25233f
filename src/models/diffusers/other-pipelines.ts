import { FormatError } from "../../weights/errors.js";
import type { Opened } from "../opened.js";

/** What pipelines of diffusers need that no family here has. */
const MISSING: readonly (readonly [pipeline: RegExp, missing: string])[] = [
  [/^KandinskyV22/, "steps that no supported pipeline of Kandinsky 2.2 has"],
  [/^Kandinsky/, "the text encoder and the conditions of another Kandinsky than 2.2"],
  [/^StableUnCLIP/, "steps that no supported pipeline of Stable unCLIP has"],
  [/^(?:StableDiffusion|LatentDiffusion)/, "a decoder (AutoencoderKL) without an image embedding"],
  [/^ShapE/, "a renderer of three-dimensional shapes"],
];

/** Throws `FormatError` for a folder of a pipeline that is near those of a family, but that none claims. */
export function refuseOtherPipeline(opened: Opened, supported: readonly string[]): void {
  if (opened.kind === "file") return;
  const pipeline = String(opened.index._class_name);
  const [, missing] = MISSING.find(([others]) => others.test(pipeline)) ?? [];
  if (missing === undefined) return;
  throw new FormatError(opened.name, `it is a ${pipeline}, which is not supported: it needs ${missing}`, {
    advice: `of diffusers' pipelines only those of these run: ${supported.join("; ")}`,
  });
}
