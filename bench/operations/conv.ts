import { permute, randomData, sizeOf } from "../lib/host-data.js";
import type { Operation } from "./operation.js";

export interface ConvSizes {
  readonly kind: "conv";
  readonly of: string;
  /** `[batch, height, width, channels]` */
  readonly input: readonly number[];
  readonly outputs: number;
  readonly kernel: number;
  readonly stride?: number;
}

/** A convolution that keeps the size, or divides it by the stride. */
export function conv({ of, input, outputs, kernel, stride = 1 }: ConvSizes): Operation {
  const [batch, height, width, channels] = input as [number, number, number, number];
  const padding = (kernel - 1) / 2;
  const output = [batch, Math.ceil(height / stride), Math.ceil(width / stride), outputs];
  const x = randomData(input, 1);
  // [out, in, kernel, kernel]
  const weight = randomData([outputs, channels, kernel, kernel], 2, 1 / 8);
  const taps = kernel * kernel;
  const suffix = stride === 1 ? "" : `, stride ${stride}`;
  return {
    kind: `conv ${kernel}×${kernel}`,
    name: `conv ${kernel}×${kernel} ${input.join("×")}→${outputs}${suffix} (${of})`,
    flops: 2 * sizeOf(output) * taps * channels,
    bytes: 4 * (sizeOf(input) + sizeOf(weight.shape) + sizeOf(output)),
    inputs: [x],
    output,
    expected: (places) =>
      places.map((place) => {
        const o = place % outputs;
        const pixel = Math.floor(place / outputs);
        const column = (pixel % output[2]!) * stride - padding;
        const line = (Math.floor(pixel / output[2]!) % output[1]!) * stride - padding;
        const sample = Math.floor(pixel / output[2]! / output[1]!);
        let sum = 0;
        for (let tap = 0; tap < taps; tap++) {
          const [row, at] = [line + Math.floor(tap / kernel), column + (tap % kernel)];
          if (row < 0 || row >= height || at < 0 || at >= width) continue;
          const base = ((sample * height + row) * width + at) * channels;
          for (let c = 0; c < channels; c++) sum += x.data[base + c]! * weight.data[(o * channels + c) * taps + tap]!;
        }
        return sum;
      }),
    ours: async (subject) => {
      const { Conv2d } = await subject.build.load("nn/conv2d.js");
      const options = { bias: false, padding, stride };
      const { layer, store } = await subject.layer(
        { weight },
        (weights) => new Conv2d(weights, channels, outputs, kernel, options),
      );
      return { body: (image) => layer.forward(image), store };
    },
    onnx: {
      onnxruntime: {
        nodes: [
          {
            type: "Conv",
            inputs: ["x", "w"],
            output: "y",
            attributes: {
              kernel_shape: [kernel, kernel],
              pads: [padding, padding, padding, padding],
              strides: [stride, stride],
            },
          },
        ],
        inputs: { x: [batch, channels, height, width] },
        output: [batch, outputs, output[1]!, output[2]!],
        constants: { w: weight },
      },
    },
    isNchw: true,
    tensorFlow: {
      weights: [permute(weight, [2, 3, 1, 0])],
      body: (tf, [image], [w]) => tf.conv2d(image!, w!, stride, padding),
    },
    jax: {
      weights: [weight],
      body: ({ lax }, [image], [w]) =>
        lax.convGeneralDilated(
          image!,
          w!,
          [stride, stride],
          [
            [padding, padding],
            [padding, padding],
          ],
        ),
    },
  };
}
