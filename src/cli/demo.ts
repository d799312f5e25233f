import { join } from "node:path";
import type { Command } from "commander";
import { writeFileAtomic } from "#platform";
import { contactSheet } from "../image/contact-sheet.js";
import type { RgbImage } from "../image/image.js";
import { encodePng } from "../image/png.js";
import { BasicInference } from "../pipeline/scripts/basic-inference.js";
import { drawPictures } from "./drawing/command.js";
import { planSamples } from "./drawing/plan.js";
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
  const subjects = PROMPTS.map((prompt) => ({ name: prompt, inputs: { prompt } }));
  const flags = {
    outputPath,
    format: "png",
    overwrite: true,
    verbose: true,
    decoderBatchSize: PROMPTS.length,
  } as const;
  const images: RgbImage[] = [];
  await drawPictures(flags, interruptSignal(), (manager) => ({
    pictures: planSamples(subjects, 1, seed),
    draw: async (call) => {
      const drawn = await new BasicInference(manager).run(PROMPTS, { ...call, decoderBatchSize: PROMPTS.length });
      images.push(...[...drawn.values()].flatMap((byEmbedding) => [...byEmbedding.values()].flat()));
    },
  }));
  const sheet = contactSheet(images, { columns: COLUMNS, labels: PROMPTS, scale: MAGNIFICATION });
  const file = join(outputPath, "demo.png");
  await writeFileAtomic(file, await encodePng(sheet));
  console.log(file);
}
