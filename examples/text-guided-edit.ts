// Edits an image by text: away from what one text says, towards another.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { centerCropToSquare, decodeImage, encodeImage, removeAlpha, TextGuidedEdit } from "dalle2-webgpu";

const [file = "examples/images/red-circle.png", from = "a red circle", to = "a blue circle"] = process.argv.slice(2);
const image = centerCropToSquare(removeAlpha(await decodeImage(await readFile(file))));

using inference = await TextGuidedEdit.create("configs/shapes.json");
const images = await inference.run([image], { from, to, strength: 0.5, seed: 4 });

await mkdir("output", { recursive: true });
await writeFile("output/text-guided-edit.png", await encodeImage(images.get(0)![0]!));
console.log("output/text-guided-edit.png");
