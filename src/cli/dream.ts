import type { Command } from "commander";
import type { DalleModelManager } from "../pipeline/manager/model-manager.js";
import type { ScriptOptions } from "../pipeline/script-options.js";
import { BasicInference } from "../pipeline/scripts/basic-inference.js";
import { askSamples, openAsker } from "./asking/asking.js";
import { generateImages } from "./generating/command.js";
import {
  addGenerationOptions,
  addNegativeOption,
  addPriorOptions,
  samplingOptions,
  type GenerationFlags,
  type NegativeFlags,
  type PriorFlags,
} from "./generating/options.js";
import { planSamples, type GenerationPlan } from "./generating/plan.js";
import { interruptSignal } from "./interrupt.js";
import { collectTexts } from "./option-values.js";
import { askPrompts, readPrompts } from "./asking/prompts.js";
import { recordToRepeat, repeated } from "./generating/repeat.js";

interface DreamFlags extends GenerationFlags, PriorFlags, NegativeFlags {
  readonly prompt?: readonly string[];
  readonly promptsFile?: string;
  readonly from?: string;
}

const EXAMPLES = `
Examples:
  $ dalle2 dream --prompt "a red circle" --samples 4 --seed 1
  $ dalle2 dream --prompts-file prompts.txt --output-path out --json
  $ dalle2 dream --prompt "a blue square" --cond-scale 3,1 --steps 24,12 --prior-steps 16
  $ dalle2 dream --from output/a-red-circle-1.png
  $ printf 'a red circle\\na blue square\\n\\n2\\n' | dalle2 dream

Without --prompt, --prompts-file and --from it asks; a pipe answers line by line: prompts, an empty line, images of each.
--from repeats an image on the same adapter, dtype and models to ±1 in 255, and warns where they differ; other options
override what it recorded.`;

export function register(program: Command): void {
  const command = program
    .command("dream")
    .description("draw images of prompts")
    .option("--prompt <text>", "what to draw; may be given several times", collectTexts)
    .option("--prompts-file <file>", "prompts from a file: one per line, or a JSON array")
    .option("--from <image>", "draw an image again as its file says");
  addGenerationOptions(addPriorOptions(addNegativeOption(command)))
    .addHelpText("after", EXAMPLES)
    .action((_, self: Command) => dream(self.optsWithGlobals<DreamFlags>()));
}

async function dream(given: DreamFlags): Promise<void> {
  const signal = interruptSignal();
  const repeats = given.from === undefined ? undefined : repeated(await recordToRepeat(given.from), given.modelConfig);
  // A type that is asked for holds for all components.
  const ofAll = given.dtype === undefined ? {} : { computeInF32: [] };
  const flags = repeats ? { ...repeats.flags, ...ofAll, ...given } : given;
  const sampling = { ...repeats?.settings, ...samplingOptions(given) };
  const { prompts, samples } = await gatherPrompts(flags, signal);
  const subjects = prompts.map((prompt) => ({ name: prompt, inputs: { prompt } }));
  const plan = (manager: DalleModelManager, scripts: ScriptOptions): GenerationPlan => ({
    images: planSamples(subjects, samples, flags),
    repeats: repeats?.generatedOn,
    draw: (call) =>
      new BasicInference(manager, scripts).run(prompts, {
        ...call,
        ...sampling,
        negativeText: flags.negativePrompt,
        priorSampleCount: samples,
      }),
  });
  await generateImages(flags, signal, plan, sampling);
}

async function gatherPrompts({ prompt = [], promptsFile, samples }: DreamFlags, signal: AbortSignal) {
  const prompts = [...prompt, ...(promptsFile === undefined ? [] : await readPrompts(promptsFile))];
  if (prompts.length > 0) return { prompts, samples: samples ?? 1 };
  using asker = openAsker({ options: "--prompt, --prompts-file or --from", signal });
  return { prompts: await askPrompts(asker), samples: samples ?? (await askSamples(asker, "prompt")) };
}
