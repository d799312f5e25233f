// The images and masks of a call in a fixture, as the reference takes them: bytes of Pillow and numpy, or tensors.
import type { Fixture } from "../../../fixture/fixture.js";
import { resizeNearest } from "../../../image/float-resize.js";
import { makeImage, toPlanes, type RgbImage } from "../../../image/image.js";
import type { HostTensor } from "../../../tensor/host-tensor.js";
import { keptPixels, prepareImage } from "../decoder/prepare.js";
import type { Size } from "../../diffusers/latents/latents.js";

/** Images to start from: planes `[B, 3, H, W]` in [0, 1]. */
export async function initImageOf(fixture: Fixture, name: string, [height, width]: Size, scale: number) {
  // The reference swaps the sides.
  const size: Size = [roundedDown(width, scale), roundedDown(height, scale)];
  const tensor = await fixture.tensor(name);
  if (tensor.shape.length === 3) return planesOf(prepareImage(imageOf(tensor), size));
  return resized(
    centred(
      tensor,
      tensor.data.some((value) => value < 0),
    ),
    size,
  );
}

/** An image to inpaint: planes `[B, 3, H, W]` in [0, 1]. numpy's images and tensors are not resized. */
export async function inpaintImageOf(fixture: Fixture, name: string, size: Size): Promise<HostTensor> {
  const tensor = await fixture.tensor(name);
  if (tensor.shape.length === 4) return centred(tensor, true);
  return planesOf(isArray(name) ? imageOf(tensor) : prepareImage(imageOf(tensor), size));
}

/** A mask for inpainting, `[B, 1, H, W]`: 1 where the image is kept. In the fixture, white is generated. */
export async function maskOf(fixture: Fixture, name: string, size: Size): Promise<HostTensor> {
  const { data, shape } = await fixture.tensor(name);
  const [height = 0, width = 0] = shape.slice(-2);
  if (shape.length === 4 || isArray(name)) {
    return { shape: [1, 1, height, width], data: data.map((value) => (value < 0.5 ? 1 : 0)) };
  }
  const grey = makeImage(width, height, 3, Uint8Array.from(data).reduce(tripled, new Uint8Array(3 * data.length)));
  return { shape: [1, 1, ...size], data: Float32Array.from(keptPixels(grey, size)) };
}

function tripled(all: Uint8Array, value: number, pixel: number): Uint8Array {
  return all.fill(value, 3 * pixel, 3 * pixel + 3);
}

/** Tensors of the fixture that the reference took as arrays of numpy. */
function isArray(name: string): boolean {
  return name.startsWith("in.array");
}

/** Bytes `[H, W, 3]`. */
function imageOf({ shape: [height = 0, width = 0], data }: HostTensor): RgbImage {
  return makeImage(width, height, 3, Uint8Array.from(data));
}

function planesOf(image: RgbImage): HostTensor {
  return { shape: [1, 3, image.height, image.width], data: toPlanes(image) };
}

/** In [0, 1], from [-1, 1] if so. */
function centred({ shape, data }: HostTensor, isSigned: boolean): HostTensor {
  return { shape, data: isSigned ? data.map((value) => value * 0.5 + 0.5) : data };
}

function resized({ shape, data }: HostTensor, [rows, columns]: Size): HostTensor {
  const [batch = 0, channels = 0, height = 0, width = 0] = shape;
  const planes = { count: batch * channels, height, width, data };
  return { shape: [batch, channels, rows, columns], data: Float32Array.from(resizeNearest(planes, rows, columns)) };
}

function roundedDown(side: number, unit: number): number {
  return side - (side % unit);
}

/** Batches of one shape, one behind the other. */
export function stacked(tensors: readonly HostTensor[]): HostTensor {
  const [, ...row] = tensors[0]!.shape;
  const batch = tensors.reduce((sum, { shape }) => sum + shape[0]!, 0);
  return { shape: [batch, ...row], data: Float32Array.from(tensors.flatMap(({ data }) => [...data])) };
}
