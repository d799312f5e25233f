// The weights of a component in a model folder of diffusers: which files there are, and which of them to read.
import type { FileFolder } from "../../files/folder/file-folder.js";
import { FileError } from "../../platform/errors.js";
import { openCheckpoint, type Checkpoint } from "../../weights/checkpoint.js";

/** File names of weights without extension: of the diffusers library, and of transformers. */
export type WeightsBase = "diffusion_pytorch_model" | "model";

/** The base of networks of the diffusers library. */
export const NETWORK_WEIGHTS = "diffusion_pytorch_model" satisfies WeightsBase;

/** The variant with weights in f16, of half the size. */
const F16 = "fp16";

/** How to choose among the files of a component. */
export interface WeightsOptions {
  /** Whether files in f16 come first, if there are some beside the others. Default: that of the folder, else false. */
  readonly prefersF16?: boolean | undefined;
  /** Ends the call; it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

const WEIGHTS = { isWeights: true };

/** A folder that may say which weights it prefers. */
export type WeightsFolder = FileFolder & { readonly prefersF16?: boolean | undefined };

/**
 * Opens the weights of a component: one file, or shards with an index, whichever `findWeights` finds first. Only headers are read.
 * Rejects with `FileError` if there is none, and with `FormatError`. The caller closes it.
 */
export async function openComponent(
  folder: WeightsFolder,
  component: string,
  base: WeightsBase,
  options: WeightsOptions = {},
): Promise<Checkpoint> {
  const file = await findWeights(folder, component, base, options);
  if (file === undefined) {
    const [usual] = weightsFiles(base, false);
    throw new FileError(
      folder.name,
      `has no weights for its component ${component}: no ${component}/${usual}, no .bin`,
      {
        code: "file/not-found",
        advice: "download the whole folder",
      },
    );
  }
  const openShard = (name: string) => folder.open(`${component}/${name}`, WEIGHTS);
  return openCheckpoint(await folder.open(file, WEIGHTS), { openShard, signal: options.signal });
}

/** The path of the weights of a component in a folder: a file, or the index of shards. Undefined if there are none. */
export async function findWeights(
  folder: WeightsFolder,
  component: string,
  base: WeightsBase,
  { prefersF16 = folder.prefersF16 ?? false }: WeightsOptions = {},
): Promise<string | undefined> {
  for (const file of weightsFiles(base, prefersF16)) {
    const path = `${component}/${file}`;
    if (await folder.has(path)) return path;
  }
  return undefined;
}

/**
 * The possible names of the weights of a component, the best first: the variant that is wanted, then safetensors before torch's
 * format, then one file before shards.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/utils/hub_utils.py#L218-L224
 */
export function weightsFiles(base: WeightsBase, prefersF16: boolean): readonly string[] {
  const torchBase = base === "model" ? "pytorch_model" : base;
  const plain = [`${base}.safetensors`, `${torchBase}.bin`].flatMap((file) => [file, `${file}.index.json`]);
  const inF16 = plain.map((file) => file.replace(/\.(\w+)$/, `.${F16}.$1`));
  return prefersF16 ? [...inF16, ...plain] : [...plain, ...inF16];
}
