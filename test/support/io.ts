import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { MemorySource } from "../../src/platform/source.js";
import type { HostTensor } from "../../src/tensor/host-tensor.js";
import { openSafetensors } from "../../src/weights/formats/safetensors.js";

/** A tensor of a fixture's `io.safetensors`, in host memory. */
export interface IoTensor extends HostTensor<Float32Array | Int32Array | BigInt64Array | Uint8Array> {
  readonly dtype: string;
}

/** All tensors of a small safetensors file, by name. */
export async function readTensors(path: string | URL): Promise<Map<string, IoTensor>> {
  const file = path instanceof URL ? fileURLToPath(path) : path;
  const { tensors } = await openSafetensors(new MemorySource(await readFile(file), file));
  const read = [...tensors].map(async ([name, entry]): Promise<[string, IoTensor]> => {
    const { buffer } = await entry.read();
    return [name, { dtype: entry.dtype, shape: entry.shape, data: view(entry.dtype, buffer) }];
  });
  return new Map(await Promise.all(read));
}

/** The values of a float32 tensor in the file. Fails if there is no such tensor. */
export function floats(tensors: ReadonlyMap<string, IoTensor>, name: string): Float32Array {
  const data = tensors.get(name)?.data;
  if (!(data instanceof Float32Array)) throw new Error(`the fixture has no float32 tensor ${name}`);
  return data;
}

/** The bytes of a tensor of bytes in the file. Fails if there is no such tensor. */
export function bytes(tensors: ReadonlyMap<string, IoTensor>, name: string): Uint8Array {
  const data = tensors.get(name)?.data;
  if (!(data instanceof Uint8Array)) throw new Error(`the fixture has no bytes ${name}`);
  return data;
}

function view(dtype: string, buffer: ArrayBuffer): IoTensor["data"] {
  switch (dtype) {
    case "F32":
      return new Float32Array(buffer);
    case "I32":
      return new Int32Array(buffer);
    case "I64":
      return new BigInt64Array(buffer);
    case "U8":
    case "BOOL":
      return new Uint8Array(buffer);
    default:
      throw new Error(`no fixture holds ${dtype}`);
  }
}
