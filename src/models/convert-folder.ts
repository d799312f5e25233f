import { join, statFile, writeFileAtomic } from "#platform";
import { FileError } from "../platform/errors.js";
import { convertedBytes, unsupportedTensors, type ConvertOptions } from "../weights/convert.js";
import { FormatError } from "../weights/errors.js";
import { FOLDER_INDEX } from "../files/folder/file-folder.js";
import { plainFolder } from "../files/folder/plain-folder.js";
import { componentsRead, kindsOf } from "./diffusers/claimed-components.js";
import { componentBytes } from "./diffusers/component-files.js";
import { cardBytes, MODEL_CARD } from "./diffusers/model-card.js";
import { openComponent, type WeightsBase } from "./diffusers/component-weights.js";
import { componentsOf } from "./diffusers/components.js";
import { smallFilesOf, weightsOf } from "./diffusers/folder-files.js";
import { claimOf } from "./families.js";
import { openModelFolder, type OpenedFolder } from "./opened.js";

/** How to convert a folder. */
export interface FolderConvertOptions extends Pick<ConvertOptions, "dtype" | "signal"> {
  /** Called with each tensor that is left out, because its type is not supported. */
  readonly onLeftOut?: ((component: string, tensor: string, reason: string) => void) | undefined;
}

/** A converted component. */
export interface ConvertedComponent {
  readonly component: string;
  /** Number of tensors; 0 for a component without weights. */
  readonly tensors: number;
}

/**
 * Writes a folder in the same layout, with one safetensors file for each component that models read, and copies of the configs, of
 * the files of tokenizers and of the model card. Each file is complete under its name, and the index comes last, so an interrupted conversion leaves no
 * folder that looks whole. At the end the folder is opened again, and its tensors are counted. Rejects with `FileError`, also if
 * `target` has an index already, and with `FormatError`.
 */
export async function convertFolder(
  folder: OpenedFolder,
  target: string,
  options: FolderConvertOptions = {},
): Promise<readonly ConvertedComponent[]> {
  if (await statFile(join(target, FOLDER_INDEX))) {
    throw new FileError(target, `already is a folder of models: it has a ${FOLDER_INDEX}`, {
      advice: "give the name of a new folder",
    });
  }
  const claim = claimOf(folder)?.claim;
  const components = claim ? componentsRead(folder, claim, kindsOf(claim)) : [...componentsOf(folder).keys()];
  const converted: (ConvertedComponent & { readonly base: WeightsBase | undefined })[] = [];
  for (const component of components) converted.push(await convertComponent(folder, component, target, options));
  if (await folder.has(MODEL_CARD)) await writeFileAtomic(join(target, MODEL_CARD), await cardBytes(folder));
  await writeFileAtomic(join(target, FOLDER_INDEX), jsonBytes(indexWith(folder, components)));
  await check(target, converted, options);
  return converted.map(({ component, tensors }) => ({ component, tensors }));
}

async function convertComponent(
  folder: OpenedFolder,
  component: string,
  target: string,
  { dtype, signal, onLeftOut }: FolderConvertOptions,
) {
  for (const path of await smallFilesOf(folder, component)) {
    const { bytes } = await componentBytes(folder, component, path.slice(component.length + 1));
    await writeFileAtomic(join(target, path), bytes);
  }
  const weights = await weightsOf(folder, component);
  if (!weights) return { component, tensors: 0, base: undefined };
  const { base } = weights;
  const checkpoint = await openComponent(folder, component, base, { signal });
  try {
    const leftOut = unsupportedTensors(checkpoint);
    for (const { name, unsupported } of leftOut) onLeftOut?.(component, name, unsupported?.problem ?? "");
    // Transformers reads no safetensors file without this.
    const metadata = { format: "pt" };
    const bytes = convertedBytes(checkpoint, { metadata, ...(dtype && { dtype }), ...(signal && { signal }) });
    await writeFileAtomic(join(target, component, `${base}.safetensors`), bytes);
    return { component, base, tensors: checkpoint.tensors.size - leftOut.length };
  } finally {
    await checkpoint.close();
  }
}

/** The index without the components that were not copied. */
function indexWith({ index }: OpenedFolder, components: readonly string[]): object {
  return Object.fromEntries(
    Object.entries(index).filter(([key, value]) => !Array.isArray(value) || components.includes(key)),
  );
}

function jsonBytes(value: object): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
}

/** Reads the headers of what was written. */
async function check(
  target: string,
  converted: readonly (ConvertedComponent & { readonly base: WeightsBase | undefined })[],
  { signal }: FolderConvertOptions,
): Promise<void> {
  const folder = await openModelFolder(plainFolder(target), { signal });
  try {
    for (const { component, base, tensors } of converted) {
      if (base === undefined) continue;
      const { size } = (await openComponent(folder, component, base, { signal })).tensors;
      if (size !== tensors)
        throw new FormatError(target, `${component} has ${size} tensors, but ${tensors} were written`);
    }
  } finally {
    await folder.close();
  }
}
