import { join } from "node:path";
import type { Command } from "commander";
import { writeFileAtomic } from "#platform";
import { contactSheet } from "../image/contact-sheet.js";
import type { RgbImage } from "../image/image.js";
import { encodePng } from "../image/png.js";
import { IMAGE_ENCODER } from "../models/component.js";
import { BasicInference } from "../pipeline/scripts/basic-inference.js";
import { generateImages } from "./generating/command.js";
import { planSamples } from "./generating/plan.js";
import { addSeedOption, type SeedFlags } from "./generating/seeds.js";
import { interruptSignal } from "./interrupt.js";
import { outputFolder } from "./option-values.js";
import { print } from "./output.js";
import { ensureAdapter } from "./setup.js";

/** Random prompts in the language of the Shapes model; none was selected for its result. */
const PROMPTS = [
  "a large white circle on a teal background",
  "a large red diamond on a black background",
  "a medium black ring at the top",
  "a large white diamond",
  "a red cross above a green triangle",
  "a blue circle on the right",
  "a orange circle at the top",
  "a red triangle on a navy background",
  "a cyan triangle to the left of a purple triangle on a white background",
  "a blue diamond below a purple ring on a black background",
  "a orange triangle to the right of a cyan triangle on a white background",
  "a white circle to the left of a pink ring",
] as const;

const COLUMNS = 4;
/** Images of the Shapes model are 64 pixels wide, which is too narrow for labels. */
const MAGNIFICATION = 3;

interface Options extends SeedFlags {
  readonly outputPath: string;
}

export function register(program: Command): void {
  const command = program
    .command("demo")
    .description("generate images from 12 prompts with the included Shapes model, and a contact sheet of them")
    .option("-o, --output-path <folder>", "folder for the images", outputFolder, "output");
  addSeedOption(command, "seed of the first image", 1).action(demo);
}

async function demo({ outputPath, ...seedFlags }: Options): Promise<void> {
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
  await generateImages(flags, interruptSignal(), (manager) => ({
    images: planSamples(subjects, 1, seedFlags),
    unused: [IMAGE_ENCODER],
    generate: async (call) => {
      const byPrompt = await new BasicInference(manager).run(PROMPTS, { ...call, decoderBatchSize: PROMPTS.length });
      images.push(...[...byPrompt.values()].flatMap((byEmbedding) => [...byEmbedding.values()].flat()));
    },
  }));
  const sheet = contactSheet(images, { columns: COLUMNS, labels: PROMPTS, scale: MAGNIFICATION });
  const file = join(outputPath, "demo.png");
  await writeFileAtomic(file, await encodePng(sheet));
  print(file);
}
