// Generates the images between two prompts, all from the same noise.
import { mkdir, writeFile } from "node:fs/promises";
import { encodeImage, Interpolate } from "dalle2-webgpu";

const [start = "a red circle on a white background", end = "a blue square on a black background"] =
  process.argv.slice(2);

using inference = await Interpolate.create("configs/shapes.json");
const images = await inference.run(start, end, { frames: 4, seed: 2, decoderSteps: [12, 4] });

await mkdir("output", { recursive: true });
for (const [i, image] of images.entries()) {
  await writeFile(`output/interpolate-${i}.png`, await encodeImage(image));
  console.log(`output/interpolate-${i}.png`);
}
