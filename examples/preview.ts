// Writes previews while an image is generated, and stops on Ctrl-C within one sampling step.
import { mkdir, writeFile } from "node:fs/promises";
import { BasicInference, encodeImage, type ScriptProgress } from "dalle2-webgpu";

const controller = new AbortController();
process.once("SIGINT", () => {
  controller.abort(new Error("interrupted"));
});
await mkdir("output", { recursive: true });

const previews: Promise<void>[] = [];
function show({ unetNumber, step, steps, millisecondsLeft, preview }: ScriptProgress): void {
  if (preview === undefined) return;
  const left = millisecondsLeft === undefined ? "" : `, ${Math.ceil(millisecondsLeft / 1000)} s left`;
  console.log(`U-Net ${unetNumber}, step ${step} of ${steps}${left}`);
  const file = `output/preview-${unetNumber}-${step}.png`;
  previews.push(encodeImage(preview[0]!).then((bytes) => writeFile(file, bytes)));
}

using inference = await BasicInference.create("configs/shapes.json");
const images = await inference.run("a large orange ring on a teal background", {
  seed: 9,
  signal: controller.signal,
  previewEvery: 8,
  onProgress: show,
});
await Promise.all(previews);
for (const [image] of images.get(0)!.values()) await writeFile("output/preview.png", await encodeImage(image!));
console.log("output/preview.png");
