// Inpainting: generates the parts of an image where its mask is dark, and keeps the others.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { BasicInpainting, decodeImage, encodeImage, maskFromImage, removeAlpha } from "dalle2-webgpu";

const [
  file = "examples/images/red-circle.png",
  maskFile = "examples/images/keep-left.png",
  text = "a red circle to the left of a blue square on a white background",
] = process.argv.slice(2);
const image = removeAlpha(await decodeImage(await readFile(file)));
const mask = maskFromImage(await decodeImage(await readFile(maskFile)));

using inference = await BasicInpainting.create("configs/shapes.json");
const images = await inference.run([image], [mask], text, { seed: 3, resampleTimes: 2 });

await mkdir("output", { recursive: true });
await writeFile("output/inpainting.png", await encodeImage(images.get(0)![0]!));
console.log("output/inpainting.png");
