import { join } from "node:path";
import type { Command } from "commander";
import { writeFileAtomic } from "#platform";
import type { RgbImage } from "../image/image.js";
import { SHAPES_CONFIG } from "./dream.js";
import { interruptSignal } from "./interrupt.js";
import { seedNumber } from "./option-values.js";
import { ensureAdapter } from "./setup.js";

/** Every shape, ground and colour that the Shapes model knows, in its own words. */
const PROMPTS = [
  "a large red circle on a white background",
  "a blue square on the left on a beige background",
  "a yellow triangle at the top on a navy background",
  "a small orange diamond at the center on a teal background",
  "a large green ring on a black background",
  "a white cross on the right on a gray background",
  "a red circle to the left of a blue square on a white background",
  "a pink diamond to the left of a purple ring on a beige background",
  "a large cyan triangle on a navy background",
  "a yellow cross to the left of a green square on a black background",
  "a black ring at the bottom on a teal background",
  "a medium purple triangle on a gray background",
] as const;

const COLUMNS = 4;
/** The Shapes model makes 64 pixels; labels need more room than that. */
const MAGNIFICATION = 3;

interface Options {
  readonly outputPath: string;
  readonly seed: number;
}

export function register(program: Command): void {
  program
    .command("demo")
    .description("draw a dozen prompts with the model that comes along: single pictures and a contact sheet")
    .option("--output-path <folder>", "where the PNG files go", "output")
    .option("--seed <n>", "seed of the first picture", seedNumber, 1)
    .action(demo);
}

async function demo({ outputPath, seed }: Options): Promise<void> {
  await ensureAdapter({ interactive: true });
  const { drawPictures } = await import("./draw-pictures.js");
  const { savePicture } = await import("./pictures.js");
  const { contactSheet } = await import("../image/contact-sheet.js");
  const { encodePng } = await import("../image/png.js");
  const jobs = PROMPTS.map((prompt, i) => ({ prompt, seed: seed + i }));
  const images: RgbImage[] = [];
  const pictures = drawPictures(jobs, {
    modelConfig: SHAPES_CONFIG,
    dtype: "auto",
    batchSize: PROMPTS.length,
    priorBatchSize: PROMPTS.length,
    verbose: true,
    quiet: false,
    signal: interruptSignal(),
  });
  for await (const { job, image } of pictures) {
    images.push(image);
    console.log(await savePicture(outputPath, job, image));
  }
  const sheet = contactSheet(images, { columns: COLUMNS, labels: PROMPTS, scale: MAGNIFICATION });
  const file = join(outputPath, "demo.png");
  await writeFileAtomic(file, await encodePng(sheet));
  console.log(file);
}
