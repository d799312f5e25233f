// Buffers that go to the page without a copy.
import { isPlainObject, type PlainObject } from "../../platform/objects.js";

/** Returns the buffers of the images and files in a result. Nothing in the worker may use them afterwards. */
export function buffersOf(result: unknown): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>();
  const visit = (value: unknown): void => {
    if (value instanceof Uint8Array) {
      if (isWhole(value)) buffers.add(value.buffer);
    } else if (value instanceof Map || Array.isArray(value)) for (const one of value.values()) visit(one);
    else if (isImage(value)) visit(value.data);
  };
  visit(result);
  return [...buffers];
}

/** Copies the pixels of images that a function of the page gets, because the library goes on using its own. */
export function copyPixels(args: readonly unknown[]): unknown[] {
  const copy = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(copy);
    if (isImage(value)) return { ...value, data: value.data.slice() };
    if (isPlainObject(value) && "preview" in value) return { ...value, preview: copy(value.preview) };
    return value;
  };
  return args.map(copy);
}

/** Returns the buffers in arguments that `copyPixels` has copied. */
export function buffersOfArguments(args: readonly unknown[]): ArrayBuffer[] {
  return args.flatMap((one) => [...buffersOf(one), ...(isPlainObject(one) ? buffersOf(one.preview) : [])]);
}

function isImage(value: unknown): value is PlainObject & { readonly data: Uint8Array } {
  return isPlainObject(value) && "width" in value && "channels" in value && value.data instanceof Uint8Array;
}

function isWhole(data: Uint8Array): data is Uint8Array<ArrayBuffer> {
  return data.buffer instanceof ArrayBuffer && data.byteLength === data.buffer.byteLength;
}
