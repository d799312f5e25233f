// Generates images of several texts, each with its own seed, and saves them with their parameters.
import { mkdir, writeFile } from "node:fs/promises";
import { BasicInference, encodeImage } from "dalle2-webgpu";

const texts = ["a large green ring on a black background", "a yellow triangle on a navy background"];

using inference = await BasicInference.create("configs/shapes.json");
const images = await inference.run(texts, {
  seeds: texts.map((_, i) => 100 + i),
  decoderCondScale: [2, 1],
  onProgress: ({ phase, unetNumber = "", step, steps }) => {
    console.log(`${phase} ${unetNumber} ${step}/${steps}`);
  },
});

await mkdir("output", { recursive: true });
for (const [index, byEmbedding] of images) {
  for (const [image] of byEmbedding.values()) {
    const { seed, parameters } = image!;
    const text = { Description: texts[index]!, Seed: String(seed), Parameters: JSON.stringify(parameters) };
    await writeFile(`output/text-to-image-${index}.png`, await encodeImage(image!, { text }));
    console.log(`output/text-to-image-${index}.png`);
  }
}
