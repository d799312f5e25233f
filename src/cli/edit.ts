import { basename, parse } from "node:path";
import type { Command } from "commander";
import { TextGuidedEdit } from "../pipeline/scripts/text-guided-edit.js";
import { askSamples, openAsker } from "./asking/asking.js";
import { captionOf } from "./asking/captions.js";
import {
  addHintOption,
  addSizeOption,
  checkCanvasFlags,
  hintInput,
  loadHints,
  type HintFlags,
} from "./generating/canvas-options.js";
import { generateImages } from "./generating/command.js";
import { addGenerationOptions, decoderOptions, type GenerationFlags } from "./generating/options.js";
import { planSeries } from "./generating/plan.js";
import { seedsOf } from "./generating/seeds.js";
import { addNoiseLevelOption } from "./generating/setting-options.js";
import { askImages, expandFolders, loadForClip } from "./asking/image-files.js";
import { interruptSignal } from "./interrupt.js";
import { collectTexts, nonEmptyText, fraction, wholeNumber } from "./option-values.js";

interface EditFlags extends GenerationFlags, HintFlags {
  readonly image?: readonly string[];
  readonly from?: string;
  readonly to?: string;
  readonly strength: number;
  readonly frames: number;
}

const EXAMPLES = `
Examples:
  $ dalle2 edit cat.jpg --from "a cat" --to "an anime drawing of a cat"
  $ dalle2 edit house.png --from "a photo of a house in summer" --to "a photo of a house in winter" --frames 6

The image embedding is turned towards the difference between the two texts, and a new image is generated from it. Small
details change too. With --frames, a series of images leads there from an unedited variation, all with the same seed.

Without files, --from or --to, edit asks for them. Piped input answers line by line: the files, an empty line, both texts,
the number of images per file.`;

export function register(program: Command): void {
  const command = program
    .command("edit")
    .description("edit images with text: from one description to another")
    .argument("[files...]", "PNG, JPEG or WebP images, or folders of them", collectTexts)
    .option("-i, --image <file>", "same as an argument; can be repeated", collectTexts)
    .option("--from <text>", "what the images show", nonEmptyText)
    .option("--to <text>", "what the edited images should show", nonEmptyText)
    .option("--strength <fraction>", "how far to edit, from 0 to 1; the paper uses 0.25 to 0.5", fraction, 0.4)
    .option("--frames <n>", "number of images in the series", wholeNumber, 1);
  addHintOption(command, "image");
  addGenerationOptions(command).optionsGroup("Sampling:");
  addNoiseLevelOption(addSizeOption(command))
    .addHelpText("after", EXAMPLES)
    .action((files: readonly string[], _, self: Command) => {
      const flags = self.optsWithGlobals<EditFlags>();
      return edit({ ...flags, image: [...(flags.image ?? []), ...files] });
    });
}

async function edit(flags: EditFlags): Promise<void> {
  const { strength, frames } = flags;
  const signal = interruptSignal();
  const { files, from, to, samples } = await gather(flags, signal);
  /** The index of the input image of each series. */
  const series = files.flatMap((_, i) => new Array<number>(samples).fill(i));
  const subjectOf = files.map((file, i) => ({
    name: parse(file).name,
    inputs: { image: basename(file), from, to, ...hintInput(flags, i) },
  }));
  const hints = await loadHints(flags, files.length, "image");
  const planned = planSeries(
    series.map((image) => subjectOf[image]!),
    frames,
    flags,
  );
  await generateImages(flags, signal, async (manager, scripts) => {
    checkCanvasFlags(manager, flags.size, { hint: hints });
    const images = await loadForClip(files, manager);
    const hint = hints && series.map((image) => hints[image]!);
    return {
      images: planned.flatMap(({ images }) => images),
      generate: (call) =>
        new TextGuidedEdit(manager, scripts).run(
          series.map((image) => images[image]!),
          { ...call, ...decoderOptions(flags), ...seedsOf(planned), hint, from, to, strength, frames },
        ),
    };
  });
}

async function gather({ image = [], from, to, samples }: EditFlags, signal: AbortSignal) {
  const given = expandFolders(image);
  if (given.length > 0 && from !== undefined && to !== undefined) {
    return { files: given, from, to, samples: samples ?? 1 };
  }
  using asker = openAsker({ options: "the image files, --from and --to", signal });
  const files = given.length > 0 ? given : await askImages(asker);
  const shown = { message: "What do the images show?", fallback: await captionOf(files[0]!) };
  return {
    files,
    from: from ?? (await asker.ask(shown)),
    to: to ?? (await asker.ask({ message: "What should they show instead?" })),
    samples: samples ?? (await askSamples(asker, "image")),
  };
}
