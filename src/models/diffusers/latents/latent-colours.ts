// Colours of latents for previews: an autoencoder takes as long as several steps, and is not on the GPU while the U-Net is.
import { Generator } from "../../../diffusion/generator.js";
import { LATENT_CHANNELS } from "./latents.js";

/** Channels of an image. */
const COLOURS = 3;

/** A linear map from latents to colours, fitted to what an autoencoder decodes: for each colour the weights of the channels, and an offset. */
export type LatentColours = readonly (readonly number[])[];

/** Sides of the random latents that it decodes for the fit: each value is that of several pixels, as in images. */
export const FIT_SIDE = 16;
const PATCH = 2;

/** Random latents `[4, FIT_SIDE, FIT_SIDE]`, always the same. */
export function latentsToFit(): Float32Array {
  const patches = FIT_SIDE / PATCH;
  const values = new Generator(0).randn([LATENT_CHANNELS, patches, patches]);
  return Float32Array.from({ length: LATENT_CHANNELS * FIT_SIDE ** 2 }, (_, at) => {
    const [row, column] = [Math.floor(at / FIT_SIDE), at % FIT_SIDE];
    // Rows of all channels lie one below the other.
    return values[Math.floor(row / PATCH) * patches + Math.floor(column / PATCH)]!;
  });
}

/**
 * Fits colours (least squares) to planes `[3, scale · FIT_SIDE, scale · FIT_SIDE]` in [0, 1], which are the decoded `latentsToFit`.
 */
export function fitColours(planes: Float32Array, scale: number): LatentColours {
  const latents = latentsToFit();
  const pixels = FIT_SIDE ** 2;
  const rows = Array.from({ length: pixels }, (_, pixel) => [
    ...Array.from({ length: LATENT_CHANNELS }, (_, channel) => latents[channel * pixels + pixel]!),
    1,
  ]);
  return Array.from({ length: COLOURS }, (_, colour) => {
    const means = rows.map((_, pixel) => meanOfBlock(planes, colour, pixel, scale));
    return leastSquares(rows, means);
  });
}

/** The colours of latents `[..., 4]`, `[..., 3]`, in [0, 1]. */
export function coloursOf(latents: Float32Array, colours: LatentColours): Float32Array {
  const pixels = latents.length / LATENT_CHANNELS;
  return Float32Array.from({ length: pixels * COLOURS }, (_, at) => {
    const [pixel, colour] = [Math.floor(at / COLOURS), at % COLOURS];
    const weights = colours[colour]!;
    let sum = weights[LATENT_CHANNELS]!;
    for (let channel = 0; channel < LATENT_CHANNELS; channel++) {
      sum += weights[channel]! * latents[pixel * LATENT_CHANNELS + channel]!;
    }
    return Math.min(Math.max(sum, 0), 1);
  });
}

/** The mean of the pixels of an image that a pixel of latents became. */
function meanOfBlock(planes: Float32Array, colour: number, pixel: number, scale: number): number {
  const side = scale * FIT_SIDE;
  const [row, column] = [Math.floor(pixel / FIT_SIDE) * scale, (pixel % FIT_SIDE) * scale];
  let sum = 0;
  for (let y = row; y < row + scale; y++) {
    for (let x = column; x < column + scale; x++) sum += planes[(colour * side + y) * side + x]!;
  }
  return sum / scale ** 2;
}

/** The x that makes |rows · x - values| least: the normal equations, solved by elimination. */
function leastSquares(rows: readonly (readonly number[])[], values: readonly number[]): readonly number[] {
  const size = rows[0]!.length;
  const matrix = Array.from({ length: size }, (_, i) => [
    ...Array.from({ length: size }, (_, j) => rows.reduce((sum, row) => sum + row[i]! * row[j]!, 0)),
    rows.reduce((sum, row, at) => sum + row[i]! * values[at]!, 0),
  ]);
  // The matrix is positive definite, so no pivot is 0.
  for (let i = 0; i < size; i++) {
    for (let below = i + 1; below < size; below++) {
      const factor = matrix[below]![i]! / matrix[i]![i]!;
      matrix[below] = matrix[below]!.map((value, j) => value - factor * matrix[i]![j]!);
    }
  }
  const solution = new Array<number>(size).fill(0);
  for (let i = size - 1; i >= 0; i--) {
    const known = solution.reduce((sum, value, j) => (j > i ? sum + matrix[i]![j]! * value : sum), 0);
    solution[i] = (matrix[i]![size]! - known) / matrix[i]![i]!;
  }
  return solution;
}
