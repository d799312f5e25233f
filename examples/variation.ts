// Generates variations of an image of any size from its CLIP embedding.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { centerCropToSquare, decodeImage, encodeImage, ImageVariation, removeAlpha } from "dalle2-webgpu";

const [file = "examples/images/red-circle.png", text = "a red circle"] = process.argv.slice(2);
const image = centerCropToSquare(removeAlpha(await decodeImage(await readFile(file))));

using inference = await ImageVariation.create("configs/shapes.json");
const variations = await inference.run([image], { text, sampleCount: 2, seed: 7 });

await mkdir("output", { recursive: true });
for (const [i, variation] of variations.get(0)!.entries()) {
  await writeFile(`output/variation-${i}.png`, await encodeImage(variation));
  console.log(`output/variation-${i}.png`);
}
