import type { RgbImage } from "dalle2-webgpu";

/** Draws an image into a canvas of its size. An attachment: it runs again when the image changes. */
export function paint(image: RgbImage): (canvas: HTMLCanvasElement) => void {
  return (canvas) => {
    const { width, height, data } = image;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const pixels = new Uint8ClampedArray(width * height * 4);
    for (let i = 0; i < width * height; i++) {
      pixels.set(data.subarray(3 * i, 3 * i + 3), 4 * i);
      pixels[4 * i + 3] = 255;
    }
    // In memory: what is on the GPU would be lost with it.
    canvas.getContext("2d", { willReadFrequently: true })?.putImageData(new ImageData(pixels, width, height), 0, 0);
  };
}
