import { padChannels } from "../../src/tensor/dtype.js";
import type { Tensor } from "../../src/tensor/tensor.js";

/** A weight in int8, as the kernels read it. */
export interface Decoded {
  /** Whole numbers in torch's layout, `[out, in, taps]`; of a transposed weight `[in, out, taps]`. */
  readonly whole: Float32Array;
  /** Whole numbers, each times the scale of its output. */
  readonly values: Float32Array;
  readonly scales: Float32Array;
}

/** Decodes a packed weight that is one panel, `[..., in, out]`, or transposed `[4, 4, out, in]`. */
export async function decodeInt8({ arena, shape, storage }: Tensor, isTransposed = false): Promise<Decoded> {
  const [rows = 1, columns = 1] = shape.slice(-2);
  const taps = shape.slice(0, -2).reduce((product, size) => product * size, 1);
  const [stride, size] = [padChannels(columns), padChannels(rows) * padChannels(columns)];
  const outputs = isTransposed ? rows : columns;
  const bytes = await arena.stream.read(storage, taps * size + 4 * padChannels(outputs));
  const stored = new Int8Array(bytes, 0, taps * size);
  const scales = new Float32Array(bytes.slice(taps * size), 0, outputs);
  const whole = new Float32Array(rows * columns * taps);
  const values = new Float32Array(whole.length);
  for (let column = 0; column < columns; column++) {
    for (let row = 0; row < rows; row++) {
      for (let tap = 0; tap < taps; tap++) {
        const at = (column * rows + row) * taps + tap;
        whole[at] = stored[tap * size + row * stride + column]!;
        values[at] = whole[at]! * scales[isTransposed ? row : column]!;
      }
    }
  }
  return { whole, values, scales };
}
