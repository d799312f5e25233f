import { randomData, sizeOf } from "../lib/host-data.js";
import type { Operation } from "./operation.js";

export interface ResizeSizes {
  readonly kind: "resize";
  readonly of: string;
  /** `[batch, side, side, channels]` */
  readonly input: readonly number[];
  readonly side: number;
}

/** Nearest neighbour, to a multiple of the size. */
export function resize({ of, input, side }: ResizeSizes): Operation {
  const [batch, source, , channels] = input as [number, number, number, number];
  const output = [batch, side, side, channels];
  const factor = side / source;
  const x = randomData(input, 1);
  return {
    kind: "resize",
    name: `resize ${input.join("×")} to ${side} (${of})`,
    bytes: 4 * (sizeOf(input) + sizeOf(output)),
    inputs: [x],
    output,
    expected: (places) =>
      places.map((place) => {
        const pixel = Math.floor(place / channels);
        const column = Math.floor((pixel % side) / factor);
        const row = Math.floor((Math.floor(pixel / side) % side) / factor);
        const sample = Math.floor(pixel / side / side);
        return x.data[((sample * source + row) * source + column) * channels + (place % channels)]!;
      }),
    ours: async ({ build }) => {
      const { resizeNearest } = await build.load("ops/resize.js");
      return { body: (image) => resizeNearest(image, [side, side]) };
    },
    onnx: {
      onnxruntime: {
        nodes: [
          {
            type: "Resize",
            inputs: ["x", "", "scales"],
            output: "y",
            attributes: { mode: "nearest", nearest_mode: "floor", coordinate_transformation_mode: "asymmetric" },
          },
        ],
        inputs: { x: [batch, channels, source, source] },
        output: [batch, channels, side, side],
        constants: { scales: { data: Float32Array.of(1, 1, factor, factor), shape: [4] } },
      },
    },
    isNchw: true,
    tensorFlow: { weights: [], body: (tf, [image]) => tf.image.resizeNearestNeighbor(image!, [side, side]) },
  };
}
