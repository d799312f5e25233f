// Changes the elements of a tensor in memory, of any type.
import { DTYPE_BYTES, isFloat, type Dtype } from "../dtypes.js";

/** Swaps the byte order of elements in place. */
export function swapBytes(bytes: Uint8Array, itemBytes: number): void {
  if (itemBytes === 1) return;
  for (let at = 0; at < bytes.length; at += itemBytes) bytes.subarray(at, at + itemBytes).reverse();
}

/** Changes the sign of each element in place. Integers wrap, as torch's do. */
export function negate(bytes: Uint8Array<ArrayBuffer>, dtype: Dtype): void {
  const itemBytes = DTYPE_BYTES[dtype];
  if (isFloat(dtype)) {
    for (let at = itemBytes - 1; at < bytes.length; at += itemBytes) bytes[at]! ^= 0x80;
    return;
  }
  const { buffer, byteOffset, byteLength } = bytes;
  if (itemBytes === 8) {
    const words = new BigUint64Array(buffer, byteOffset, byteLength / 8);
    for (let i = 0; i < words.length; i++) words[i] = -words[i]!;
    return;
  }
  const Words = itemBytes === 4 ? Uint32Array : itemBytes === 2 ? Uint16Array : Uint8Array;
  const words = new Words(buffer, byteOffset, byteLength / itemBytes);
  for (let i = 0; i < words.length; i++) words[i] = -words[i]!;
}
