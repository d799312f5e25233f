// Files of torch. Most models are safetensors: a page loads this part for others only.
import type { ByteSource } from "../platform/source.js";
import { openTorchLegacy } from "./formats/torch-legacy.js";
import type { TorchArchive } from "./formats/torch-archive.js";
import { TensorRef } from "./formats/torch-objects.js";
import { openTorchZip } from "./formats/torch-zip.js";
import { contentOf, describeTensor, type TensorFile } from "./tensor-content.js";
import type { TensorKind } from "./tree/entries.js";

/** Reads the objects of a zip file of torch, but no tensors. Rejects with FormatError. */
export async function openZipFile(source: ByteSource, signal?: AbortSignal): Promise<TensorFile> {
  return torchFile(await openTorchZip(source, signal));
}

/** The same for a file of torch before 1.6. */
export async function openLegacyFile(source: ByteSource, signal?: AbortSignal): Promise<TensorFile> {
  return torchFile(await openTorchLegacy(source, signal));
}

function isSameView({ view: one, shape }: TensorRef, { view: other, shape: otherShape }: TensorRef): boolean {
  if (!one || !other) return false;
  return (
    one.storage.key === other.storage.key &&
    one.storage.content === other.storage.content &&
    one.start === other.start &&
    one.isNegated === other.isNegated &&
    shape.join() === otherShape.join() &&
    one.strides.join() === other.strides.join()
  );
}

const TORCH: TensorKind<TensorRef> = {
  isTensor: (value) => value instanceof TensorRef,
  isSame: (one, other) => one === other || isSameView(one, other),
  describe: describeTensor,
};

function torchFile({ format, tree, tensor, budget }: TorchArchive): TensorFile {
  return { format, tree, ...contentOf({ tree, kind: TORCH, entry: tensor, metadata: new Map(), budget }) };
}
