/** Delta debugging (Zeller and Hildebrandt, 2002) of bytes: removes pieces as long as the input still fails. */
export async function minimiseBytes(
  input: Uint8Array,
  fails: (input: Uint8Array) => Promise<boolean>,
): Promise<Uint8Array> {
  let best = input;
  for (let size = Math.ceil(best.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < best.length;) {
      const without = withoutBytes(best, at, size);
      if (await fails(without)) best = without;
      else at += size;
    }
  }
  return best;
}

function withoutBytes(bytes: Uint8Array, at: number, count: number): Uint8Array {
  const left = new Uint8Array(bytes.length - Math.min(count, bytes.length - at));
  left.set(bytes.subarray(0, at));
  left.set(bytes.subarray(at + count), at);
  return left;
}
