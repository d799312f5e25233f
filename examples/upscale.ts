// Enlarges an image with the last U-Net of the decoder, here from 32 to 64 pixels.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { centerCropToSquare, decodeImage, encodeImage, removeAlpha, resizeLanczos, Upscale } from "dalle2-webgpu";

const [file = "examples/images/red-circle.png", text = "a red circle"] = process.argv.slice(2);
const image = centerCropToSquare(removeAlpha(await decodeImage(await readFile(file))));
const small = resizeLanczos(image, 32, 32);

using inference = await Upscale.create("configs/shapes.json");
const images = await inference.run([small], { text, seed: 1 });

await mkdir("output", { recursive: true });
await writeFile("output/upscale.png", await encodeImage(images.get(0)![0]!));
console.log("output/upscale.png");
