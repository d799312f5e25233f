/** Writes the folders of Kandinsky 2.2 in full size. Files without values take no space on the disk. */
import { cpSync } from "node:fs";
import { join } from "node:path";
import { readJson, writeJson, writeTensors, type Writing } from "./full-size.js";
import { fullSizeKandinsky, IMAGE_PROCESSOR, type KandinskyComponent, type UnetForm } from "./full-size-kandinsky.js";
import { fixtureFolder } from "./golden.js";

/** The folder whose small files are copied: configs of schedulers, the tokenizer, and indexes. */
const SMALL = fixtureFolder("kandinsky-text-to-image");

/** Writes the folder of the prior. It has 7 GB, or seems to. */
export function writeFullSizePrior(folder: string, writing: Writing = {}): void {
  const small = join(SMALL, "prior");
  for (const part of ["tokenizer", "scheduler", "model_index.json"])
    cpSync(join(small, part), join(folder, part), { recursive: true });
  writeJson(join(folder, "image_processor", "preprocessor_config.json"), {
    ...readJson(join(small, "image_processor", "preprocessor_config.json")),
    ...IMAGE_PROCESSOR,
  });
  writeComponent(join(folder, "prior"), "prior", "diffusion_pytorch_model", writing);
  writeComponent(join(folder, "text_encoder"), "text_encoder", "model", writing);
  writeComponent(join(folder, "image_encoder"), "image_encoder", "model", writing);
}

/** Writes the folder of a decoder with one of the U-Nets. It has 2.6 GB, or seems to. */
export function writeFullSizeDecoder(folder: string, unet: UnetForm, writing: Writing = {}): void {
  for (const part of ["scheduler", "model_index.json"])
    cpSync(join(SMALL, "model", part), join(folder, part), { recursive: true });
  writeComponent(join(folder, "unet"), unet, "diffusion_pytorch_model", writing);
  writeComponent(join(folder, "movq"), "movq", "diffusion_pytorch_model", writing);
}

function writeComponent(folder: string, component: KandinskyComponent, base: string, writing: Writing): void {
  const { config, tensors } = fullSizeKandinsky()[component];
  writeTensors(join(folder, `${base}.safetensors`), tensors, writing);
  writeJson(join(folder, "config.json"), config);
}
