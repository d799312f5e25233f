import {
  settingsOfEach,
  withDefaults,
  type AskedSettings,
  type CascadeSettings,
  type NetworkSettings,
} from "../diffusion/settings.js";
import { ArgumentError } from "../platform/arguments.js";
import type { Arena } from "../tensor/arena.js";
import type { Tensor } from "../tensor/tensor.js";
import type { CascadeCall, CascadeStage, UseComponent } from "./interfaces.js";
import type { StageInfo } from "./stage-info.js";

/** How a call uses components that are all on the GPU. */
export function alreadyThere<Model>(model: Model, arena: Arena): UseComponent<Model> {
  return (_, body) => body(model, arena);
}

/**
 * The settings of each stage: those of the call, else of `defaults`, else of the stage's own training. One guidance scale for
 * all is for those that take guidance. Throws `ArgumentError` for a list of another length.
 */
export function stageSettings(
  stages: readonly CascadeStage[],
  asked: CascadeSettings,
  defaults: CascadeSettings = {},
): readonly NetworkSettings[] {
  const others = askedOfEach(stages, defaults);
  return askedOfEach(stages, asked).map((one, i) => stages[i]!.settings(withDefaults(one, others[i])));
}

function askedOfEach(stages: readonly CascadeStage[], asked: CascadeSettings): readonly AskedSettings[] {
  const each = settingsOfEach(asked, stages.length);
  if (typeof asked.condScale !== "number") return each;
  return each.map((one, i) => (stages[i]!.info.takesGuidance === false ? { ...one, condScale: undefined } : one));
}

/** A stage that a call runs. */
export interface PlannedStage<Stage> {
  readonly stage: Stage;
  readonly unetNumber: number;
  readonly settings: NetworkSettings;
}

/**
 * Plans which stages a call runs, and how. Throws before anything is computed: `ArgumentError` for invalid numbers of stages
 * or steps, for lists of another length, and for a level of noise that no stage takes; else as `CascadeStage.check` for a batch of that size.
 */
export function planStages<Stage extends CascadeStage>(
  stages: readonly Stage[],
  call: CascadeCall,
  { batch = 1, inpaints = false }: { readonly batch?: number; readonly inpaints?: boolean } = {},
): readonly PlannedStage<Stage>[] {
  const count = stages.length;
  const { startAtUnetNumber: start = 1, stopAtUnetNumber: stop = count } = call;
  const isNumber = (value: number) => Number.isInteger(value) && value >= 1 && value <= count;
  if (!isNumber(start) || !isNumber(stop) || start > stop) {
    throw new ArgumentError(
      isNumber(start) ? "stopAtUnetNumber" : "startAtUnetNumber",
      `startAtUnetNumber is ${start} and stopAtUnetNumber is ${stop}, but this decoder has U-Nets 1 to ${count}.`,
      { code: "argument/out-of-range" },
    );
  }
  checkNoiseLevel(stages.slice(start - 1, stop), call);
  const each = stageSettings(stages, call);
  return stages.slice(start - 1, stop).map((stage, i) => {
    const index = start - 1 + i;
    const settings = each[index]!;
    stage.check(settings, batch, inpaints);
    return { stage, unetNumber: index + 1, settings };
  });
}

/** Throws `ArgumentError` for a level of noise on image embeddings that no stage takes. */
export function checkNoiseLevel(
  stages: readonly { readonly info: Pick<StageInfo, "noiseLevels"> }[],
  { noiseLevel }: Pick<CascadeCall, "noiseLevel">,
): void {
  if (noiseLevel === undefined) return;
  const levels = Math.max(0, ...stages.map(({ info }) => info.noiseLevels ?? 0));
  if (levels === 0) {
    const message = "This decoder takes no noiseLevel: it was not trained with noise on image embeddings.";
    throw new ArgumentError("noiseLevel", message, {
      code: "argument/no-effect",
      advice: "Leave it out; that of Stable unCLIP takes one.",
    });
  }
  if (Number.isInteger(noiseLevel) && noiseLevel >= 0 && noiseLevel < levels) return;
  const message = `noiseLevel must be a whole number from 0 to ${levels - 1}, not ${noiseLevel}.`;
  throw new ArgumentError("noiseLevel", message, { code: "argument/out-of-range" });
}

/**
 * Samples stages one after the other. Each enlarges the image of the one before, which is then freed; the first enlarges `image`, if
 * it enlarges any. The caller disposes the result.
 */
export async function sampleInTurn<Stage>(
  stages: readonly Stage[],
  image: Tensor | undefined,
  sample: (stage: Stage, lowres: Tensor | undefined) => Promise<Tensor>,
): Promise<Tensor> {
  let current = image;
  try {
    for (const stage of stages) {
      const next = await sample(stage, current);
      current?.dispose();
      current = next;
    }
  } catch (error) {
    current?.dispose();
    throw error;
  }
  return current!;
}
