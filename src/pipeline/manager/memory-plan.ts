import { checkArguments, count, oneOf } from "../../platform/arguments.js";
import type { ModelLoadConfig } from "../load-config.js";
import { MemoryCounter } from "../../gpu/executors/count.js";
import type { ClipModel } from "../../models/clip/clip-model.js";
import type { Cascade, Prior, UseComponent } from "../../models/interfaces.js";
import { Arena } from "../../tensor/arena.js";
import type { ComputeType } from "../../tensor/dtype.js";
import type { Component } from "../../models/component.js";
import { defaultSettings } from "./default-settings.js";
import { ModelLoader, type Loaded } from "./load-models.js";
import type { LoadingOptions } from "./loading-options.js";
import { dryRunDecoder, dryRunImageEncoder, dryRunPrior, dryRunTextEncoder } from "./dry-run.js";

/** GPU memory of a component, in bytes. */
export interface ComponentMemory {
  /** As messages call it: "U-Net 1". */
  readonly name: string;
  /** Its weights. */
  readonly weightBytes: number;
  /** Most that computing with it takes beside its weights. */
  readonly workBytes: number;
}

/** GPU memory of the models of a load config. */
export interface MemoryPlan {
  /** What the models compute in. */
  readonly dtype: ComputeType;
  /** Images computed at once. */
  readonly batchSize: number;
  /** Each component, in the order in which they run. */
  readonly components: readonly ComponentMemory[];
  /** With all weights on the GPU, and what is kept for reuse from one component to the next. */
  readonly loadedBytes: number;
  /** Of the component that takes most. */
  readonly offloadBytes: number;
}

/** What is counted: the type that the models compute in, and images at once. */
export interface MemoryPlanOptions extends Pick<LoadingOptions, "signal" | "fetch" | "onWarning"> {
  /** What the models compute in. */
  readonly dtype: ComputeType;
  /** Images computed at once. */
  readonly batchSize: number;
}

/**
 * Counts the GPU memory of a load config's models by building them and walking through a few steps of each, as guided as
 * the config asks for, on a stream that only counts; no adapter is needed. Of their files only headers are read, also where they are on a server.
 */
export async function planMemory(
  config: ModelLoadConfig,
  { dtype, batchSize, ...files }: MemoryPlanOptions,
): Promise<MemoryPlan> {
  checkArguments({ dtype: oneOf("f32", "f16"), batchSize: count }, { dtype, batchSize });
  const counter = new MemoryCounter();
  const arena = new Arena(counter.stream, dtype);
  const loader = new ModelLoader(arena, config, { ...files, remote: "ranges" }, { headersOnly: true });
  const loaded: Loaded<unknown>[] = [];
  const stages: Stage[] = [];
  const keep = <Model>(one: Loaded<Model>): Loaded<Model> => {
    loaded.push(one);
    return one;
  };
  try {
    const { clip, prior, decoder } = config.data;
    if (clip) stages.push(...clipStages(arena, keep(await loader.clip(clip)), batchSize));
    if (prior) stages.push(...priorStages(arena, keep(await loader.prior(prior)), batchSize, config));
    if (decoder) stages.push(...decoderStages(arena, keep(await loader.decoder(decoder)), batchSize, config));
    const components: ComponentMemory[] = [];
    for (const stage of stages) {
      const { name, weights } = stage.component;
      const workBytes = (await measure(counter, [stage])) - weights.gpuBytes;
      components.push({ name, weightBytes: weights.gpuBytes, workBytes });
    }
    return {
      dtype,
      batchSize,
      components,
      loadedBytes: await measure(counter, stages),
      offloadBytes: Math.max(0, ...components.map(({ weightBytes, workBytes }) => weightBytes + workBytes)),
    };
  } finally {
    for (const one of loaded) one.dispose();
    counter.stream.close();
  }
}

/** A component, and what is computed with it. */
interface Stage {
  readonly component: Component;
  /** `isAlone`: whether no other component has its weights there meanwhile. */
  readonly run: (isAlone: boolean) => Promise<void>;
}

function clipStages(arena: Arena, { model, components }: Loaded<ClipModel>, batch: number): Stage[] {
  const runs = [() => dryRunTextEncoder(arena, model, batch), () => dryRunImageEncoder(arena, model, batch)];
  return components.map((component, i) => ({ component, run: runs[i]! }));
}

function priorStages(
  arena: Arena,
  { model, components }: Loaded<Prior>,
  batch: number,
  config: ModelLoadConfig,
): Stage[] {
  const run = () => dryRunPrior(arena, model, batch, defaultSettings(config).prior);
  return components.map((component) => ({ component, run }));
}

function decoderStages(
  arena: Arena,
  { model, components }: Loaded<Cascade>,
  batch: number,
  config: ModelLoadConfig,
): Stage[] {
  const settings = defaultSettings(config).decoder;
  return components.map((component) => ({
    component,
    run: async (isAlone) => {
      for (const [i, { info }] of model.stages.entries()) {
        if (!info.components.includes(component.name)) continue;
        const stage = { ...settings, startAtUnetNumber: i + 1, stopAtUnetNumber: i + 1 };
        const use = isAlone ? oneAtATime(arena, model, components, component) : undefined;
        await dryRunDecoder(arena, model, batch, { ...stage, use });
      }
    },
  }));
}

/**
 * Has the weights of other components of a stage there in the place of `kept` while they compute: what is counted for
 * `kept` may be theirs, and is never the sum of both.
 */
function oneAtATime(
  arena: Arena,
  model: Cascade,
  components: readonly Component[],
  kept: Component,
): UseComponent<Cascade> {
  return async (name, body) => {
    const { weights } = components.find((component) => component.name === name)!;
    if (name === kept.name) return body(model, arena);
    kept.weights.unload();
    weights.reserve();
    try {
      return await body(model, arena);
    } finally {
      weights.unload();
      kept.weights.reserve();
    }
  };
}

/** Most bytes that a device gives while all weights of the stages are there and one runs after the other. */
async function measure(counter: MemoryCounter, stages: readonly Stage[]): Promise<number> {
  counter.reset();
  for (const { component } of stages) component.weights.reserve();
  for (const { run } of stages) await run(stages.length === 1);
  for (const { component } of stages) component.weights.unload();
  return counter.memory().peakAllocatedBytes;
}
