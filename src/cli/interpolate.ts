import { statSync } from "node:fs";
import { parse } from "node:path";
import type { Command } from "commander";
import type { RgbImage } from "../image/image.js";
import { Interpolate } from "../pipeline/scripts/interpolate.js";
import type { DalleModelManager } from "../pipeline/manager/model-manager.js";
import { openAsker } from "./asking/asking.js";
import { captionOf } from "./asking/captions.js";
import type { ScriptOptions, ScriptProgress } from "../pipeline/script-options.js";
import {
  addHintOption,
  addSizeOption,
  checkCanvasFlags,
  hintInput,
  loadHints,
  type HintFlags,
} from "./generating/canvas-options.js";
import { generateImages } from "./generating/command.js";
import {
  addGenerationOptions,
  addPriorOptions,
  samplingOptions,
  type GenerationFlags,
  type PriorFlags,
} from "./generating/options.js";
import { checkSeeds } from "./generating/seeds.js";
import { planSeries, type GenerationPlan, type Subject } from "./generating/plan.js";
import { seedOf } from "./generating/seeds.js";
import { addNoiseLevelOption } from "./generating/setting-options.js";
import { textUse } from "./asking/gather-images.js";
import { imageProblem, loadImage } from "./asking/image-files.js";
import { isImageFile } from "../image/image-files.js";
import { UsageError } from "./errors.js";
import { interruptSignal } from "./interrupt.js";
import { nonEmptyText, wholeNumber } from "./option-values.js";

interface InterpolateFlags extends GenerationFlags, PriorFlags, HintFlags {
  readonly start?: string;
  readonly end?: string;
  readonly startText?: string;
  readonly endText?: string;
  readonly frames: number;
}

const EXAMPLES = `
Examples:
  $ dalle2 interpolate "a red circle" "a blue square" --frames 8 --seed 1
  $ dalle2 interpolate cat.png dog.png --frames 12
  $ dalle2 interpolate --start cat.png --end "a dog in the snow" --start-text "a cat"

A start or end that is a file is an image; anything else is a prompt. All images of a series have the same seed. --samples
is the number of series. Without a start or an end, interpolate asks for it; piped input answers line by line.`;

export function register(program: Command): void {
  const command = program
    .command("interpolate")
    .description("generate the images between two images or prompts")
    .argument("[start]", "image file or prompt", nonEmptyText)
    .argument("[end]", "image file or prompt", nonEmptyText)
    .option("--start <start>", "same as the first argument", nonEmptyText)
    .option("--end <end>", "same as the second argument", nonEmptyText)
    .option("--frames <n>", "number of images, including both ends", wholeNumber, 8)
    .option("--start-text <text>", "what the start image shows (default: from its record or its name)", nonEmptyText)
    .option("--end-text <text>", "what the end image shows (default: from its record or its name)", nonEmptyText);
  addHintOption(command);
  addGenerationOptions(addPriorOptions(command)).optionsGroup("Sampling:");
  addNoiseLevelOption(addSizeOption(command))
    .addHelpText("after", EXAMPLES)
    .action((start: string | undefined, end: string | undefined, _, self: Command) =>
      interpolate(withEnds(self.optsWithGlobals<InterpolateFlags>(), [start, end])),
    );
}

/** Adds the ends given as arguments to the flags. */
function withEnds(flags: InterpolateFlags, args: readonly (string | undefined)[]): InterpolateFlags {
  const left = args.filter((arg) => arg !== undefined);
  const start = flags.start ?? left.shift();
  const end = flags.end ?? left.shift();
  if (left.length > 0)
    throw new UsageError(`Unexpected argument ${JSON.stringify(left[0])}: start and end are already given.`);
  return { ...flags, ...(start === undefined ? {} : { start }), ...(end === undefined ? {} : { end }) };
}

/** Where a series starts or ends. */
interface End {
  readonly content: RgbImage | string;
  /** Used in the names of the image files. */
  readonly name: string;
  /** A prompt, or the name of a file. */
  readonly input: string;
  /** The text for the decoder. */
  readonly text: string;
  /** True if `text` is not only the name of an image. */
  readonly isTextGiven: boolean;
}

async function interpolate(flags: InterpolateFlags): Promise<void> {
  const signal = interruptSignal();
  checkSeeds(flags, flags.samples ?? 1);
  const { start, end } = await gatherEnds(flags, signal);
  const ends = [await readEnd(start, flags.startText), await readEnd(end, flags.endText)] as const;
  const [hint] = (await loadHints(flags, 1, "series")) ?? [];
  await generateImages(flags, signal, (manager, scripts) => {
    checkCanvasFlags(manager, flags.size, { hint });
    return planInterpolation(manager, scripts, { ends, hint }, flags);
  });
}

function planInterpolation(
  manager: DalleModelManager,
  scripts: ScriptOptions,
  { ends, hint }: { readonly ends: readonly [End, End]; readonly hint: RgbImage | undefined },
  flags: InterpolateFlags,
): GenerationPlan {
  const { frames, samples = 1 } = flags;
  const [start, end] = ends;
  const script = new Interpolate(manager, scripts);
  const text = textsOf(manager, start, end);
  const subject = {
    name: `${start.name} to ${end.name}`,
    inputs: { start: start.input, end: end.input, ...hintInput(flags, 0) },
  };
  const series = planSeries(new Array<Subject>(samples).fill(subject), frames, flags);
  return {
    images: series.flatMap(({ images }) => images),
    generate: async ({ onImage, signal, onProgress, previewEvery }) => {
      for (const [i, one] of series.entries()) {
        const begin = performance.now();
        await script.run(start.content, end.content, {
          ...samplingOptions(flags),
          ...seedOf(one),
          signal,
          previewEvery,
          onProgress: (step) =>
            onProgress?.({
              ...withLater(step, performance.now() - begin, series.length - 1 - i),
              ...(step.previewIndex === undefined ? {} : { previewIndex: i * frames + step.previewIndex }),
            }),
          onImage: (image, index) => onImage?.(image, i * frames + index),
          frames,
          text,
          hint,
        });
      }
    },
  };
}

/** The texts for the decoder. For one that needs none, an image without a text of its own gets the decoder's null text. */
function textsOf(manager: DalleModelManager, start: End, end: End): readonly [string, string] | undefined {
  const use = textUse(manager);
  if (use === "needed") return [start.text, end.text];
  if (use === "none" || !(start.isTextGiven || end.isTextGiven)) return undefined;
  const { nullText = "" } = manager.models.decoder!.model;
  const [first, last] = [start, end].map(({ text, isTextGiven }) => (isTextGiven ? text : nullText));
  return [first!, last!];
}

/** Adds the time of the `later` series, each as long as the current one. */
function withLater(step: ScriptProgress, millisecondsSpent: number, later: number): ScriptProgress {
  const { millisecondsLeft: left } = step;
  return left === undefined ? step : { ...step, millisecondsLeft: left + later * (millisecondsSpent + left) };
}

async function gatherEnds({ start, end }: InterpolateFlags, signal: AbortSignal) {
  if (start !== undefined && end !== undefined) return { start, end };
  using asker = openAsker({ options: "a start and an end", signal });
  const ask = (message: string): Promise<string> =>
    asker.ask({ message, check: (given) => (isImageFile(given) ? imageProblem(given) : undefined) });
  return {
    start: start ?? (await ask("Start: an image file, or a prompt")),
    end: end ?? (await ask("End: an image file, or a prompt")),
  };
}

async function readEnd(given: string, text: string | undefined): Promise<End> {
  const isFile = isImageFile(given) || statSync(given, { throwIfNoEntry: false })?.isFile() === true;
  if (!isFile) return { content: given, name: given, input: given, text: text ?? given, isTextGiven: true };
  const { name, base } = parse(given);
  const content = await loadImage(given);
  return { content, name, input: base, text: text ?? (await captionOf(given)), isTextGiven: text !== undefined };
}
