// How files of torch begin: known apart from their readers, which are loaded for such files only.

/** The first pickle of the format of torch.save before torch 1.6. */
export const MAGIC_NUMBER = 0x1950a86a20f9469cfc6cn;

/** The pickled magic number: LONG1 with 10 bytes in protocols 2 to 5, its digits in protocols 0 and 1. */
const PICKLED_MAGIC: readonly (readonly number[])[] = [
  [0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e],
  [...new TextEncoder().encode(`L${MAGIC_NUMBER}L\n.`)],
];
/** PROTO has a one-byte argument. FRAME, which may follow it in protocols 4 and 5, has one of eight bytes. */
const PROTO = 0x80;
const FRAME = 0x95;

/** True if a file begins with the pickled magic number, in any protocol. */
export function looksLikeTorchLegacy(head: Uint8Array): boolean {
  let start = head[0] === PROTO ? 2 : 0;
  if (head[start] === FRAME) start += 9;
  return PICKLED_MAGIC.some((magic) => magic.every((byte, i) => head[start + i] === byte));
}

/** True if a file begins as a zip archive does. */
export function looksLikeZip(head: Uint8Array): boolean {
  return [0x50, 0x4b, 0x03, 0x04].every((byte, i) => head[i] === byte);
}
