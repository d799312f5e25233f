import { byteLimit, checkArguments, count, oneOf } from "../../platform/arguments.js";
import type { ModelLoadConfig } from "../load-config.js";
import { MemoryCounter } from "../../gpu/executors/count.js";
import type { DeviceFacts } from "../../gpu/tuning.js";
import type { Cascade, Encoders, Prior, UseComponent } from "../../models/interfaces.js";
import { Arena } from "../../tensor/arena.js";
import { WEIGHT_FORMATS, type ComputeType, type WeightFormat } from "../../tensor/dtype.js";
import type { Component } from "../../models/component.js";
import { imageSize } from "../canvas.js";
import type { CanvasOptions } from "../canvas-options.js";
import { defaultSettings } from "./default-settings.js";
import { ModelLoader, type Loaded } from "./load-models.js";
import type { LoadingOptions } from "./loading-options.js";
import { dryRunDecoder, dryRunImageEncoder, dryRunPrior, dryRunTextEncoder } from "./dry-run.js";

/** GPU memory of a component. */
export interface ComponentMemory {
  /** Name of the component: "U-Net 1". */
  readonly name: string;
  /** Bytes of its weights. */
  readonly weightBytes: number;
  /** Maximum number of bytes that computing takes beside the weights. */
  readonly workBytes: number;
}

/** GPU memory of the models of a load config. */
export interface MemoryPlan {
  /** Dtype of weights and activations. */
  readonly dtype: ComputeType;
  /** What weights of linear layers and convolutions are stored in. */
  readonly weights: WeightFormat;
  /** Images in a batch. */
  readonly batchSize: number;
  /** Id of the tuning table that it was counted with. */
  readonly tuning: string;
  /** The components, in the order in which they run. */
  readonly components: readonly ComponentMemory[];
  /** Bytes with all weights on the GPU (offload "never"), including buffers that are kept for reuse. */
  readonly loadedBytes: number;
  /** Bytes with one component at a time (offload "idle"): those of the largest. */
  readonly offloadBytes: number;
}

/** Options of `planMemory`. */
export interface MemoryPlanOptions extends Pick<LoadingOptions, "signal" | "fetch" | "onWarning"> {
  /** Dtype of weights and activations. */
  readonly dtype: ComputeType;
  /** As for `DalleModelManager.create`. Default: `full`. */
  readonly weights?: WeightFormat | undefined;
  /** Images in a batch. */
  readonly batchSize: number;
  /** Size of the images, for a decoder of many sizes. Default: squares of its own size. */
  readonly size?: CanvasOptions["size"];
  /**
   * Bytes of a tensor that the adapter can bind (`gpu.limits.maxStorageBufferBindingSize`): splitting operations may take
   * memory. Default: no limit.
   */
  readonly maxBindingSize?: number;
  /**
   * The device that the models are for: its tuning table says in which form weights are stored. Its workgroups are taken to have
   * the memory that the kernels of the table ask for. Default: one without a table of its own.
   */
  readonly gpu?: DeviceFacts | undefined;
}

/**
 * Counts the GPU memory that the models of a load config need, by a dry run of a few steps with the guidance scale of the
 * config. It needs no adapter, and reads only the headers of the files, also on servers. Rejects as `DalleModelManager.create`,
 * and with `ArgumentError` for invalid options.
 *
 * @example
 * const plan = await planMemory(await ModelLoadConfig.named("gradio"), { dtype: "f16", batchSize: 1 });
 */
export async function planMemory(
  config: ModelLoadConfig,
  { dtype, weights = "full", batchSize, size, maxBindingSize, gpu, ...files }: MemoryPlanOptions,
): Promise<MemoryPlan> {
  checkArguments(
    {
      dtype: oneOf("f32", "f16"),
      weights: oneOf(...WEIGHT_FORMATS),
      batchSize: count,
      size: imageSize,
      maxBindingSize: byteLimit,
    },
    { dtype, weights, batchSize, size, maxBindingSize },
  );
  const counter = new MemoryCounter(maxBindingSize, gpu);
  const arena = new Arena(counter.stream, dtype, { weights });
  const loader = new ModelLoader(arena, config, { ...files, remote: "ranges" }, { headersOnly: true });
  const loaded: Loaded<unknown>[] = [];
  const stages: Stage[] = [];
  const keep = <Model>(one: Loaded<Model>): Loaded<Model> => {
    loaded.push(one);
    return one;
  };
  try {
    const { clip, prior, decoder } = await loader.entries();
    if (clip) stages.push(...clipStages(arena, keep(await loader.clip(clip)), batchSize));
    if (prior) stages.push(...priorStages(arena, keep(await loader.prior(prior)), batchSize, config));
    if (decoder) {
      const options = { batch: batchSize, size, config, counter };
      stages.push(...decoderStages(arena, keep(await loader.decoder(decoder)), options));
    }
    const components: ComponentMemory[] = [];
    for (const stage of stages) {
      const { name, weights } = stage.component;
      const workBytes = (await measure(counter, [stage])) - weights.gpuBytes;
      components.push({ name, weightBytes: weights.gpuBytes, workBytes });
    }
    return {
      dtype,
      weights,
      batchSize,
      tuning: counter.stream.tuning.id,
      components,
      loadedBytes: await measure(counter, stages),
      offloadBytes: Math.max(0, ...components.map(({ weightBytes, workBytes }) => weightBytes + workBytes)),
    };
  } finally {
    for (const one of loaded) one.dispose();
    counter.stream.close();
  }
}

/** A component, and its dry run. */
interface Stage {
  readonly component: Component;
  /** `isAlone`: whether no other component has weights on the GPU during the run. */
  readonly run: (isAlone: boolean) => Promise<void>;
}

function clipStages(arena: Arena, { model, components }: Loaded<Encoders>, batch: number): Stage[] {
  const { text, image } = model;
  const runs = [
    ...(text ? [() => dryRunTextEncoder(arena, text, batch)] : []),
    ...(image ? [() => dryRunImageEncoder(arena, image, batch)] : []),
  ];
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

interface DecoderRun {
  readonly batch: number;
  readonly size: MemoryPlanOptions["size"];
  readonly config: ModelLoadConfig;
  readonly counter: MemoryCounter;
}

function decoderStages(
  arena: Arena,
  { model, components }: Loaded<Cascade>,
  { batch, size, config, counter }: DecoderRun,
): Stage[] {
  const settings = defaultSettings(config).decoder;
  return components.map((component) => ({
    component,
    run: async (isAlone) => {
      const { textEncoder } = model;
      if (component.name === textEncoder?.component) return dryRunTextEncoder(arena, textEncoder.encoder, batch);
      for (const [i, { info }] of model.stages.entries()) {
        if (!info.components.includes(component.name)) continue;
        const stage = { ...settings, startAtUnetNumber: i + 1, stopAtUnetNumber: i + 1 };
        const use = isAlone ? oneAtATime({ arena, counter }, model, components, component) : undefined;
        await dryRunDecoder(arena, model, batch, { ...stage, size, use });
      }
    },
  }));
}

/**
 * Uses the components of a stage one at a time, and counts the memory of one: while another one computes, its weights take the place of
 * those of `counted`.
 */
function oneAtATime(
  { arena, counter }: { readonly arena: Arena; readonly counter: MemoryCounter },
  model: Cascade,
  components: readonly Component[],
  counted: Component,
): UseComponent<Cascade> {
  return async (name, body) => {
    const { weights } = components.find((component) => component.name === name)!;
    if (name === counted.name) return body(model, arena);
    counted.weights.unload();
    return counter
      .ignore(async () => {
        weights.reserve();
        try {
          return await body(model, arena);
        } finally {
          weights.unload();
        }
      })
      .finally(() => {
        counted.weights.reserve();
      });
  };
}

/** Returns the peak of allocated bytes with the weights of all stages on the GPU, while the stages run one after the other. */
async function measure(counter: MemoryCounter, stages: readonly Stage[]): Promise<number> {
  counter.reset();
  for (const { component } of stages) component.weights.reserve();
  for (const { run } of stages) await run(stages.length === 1);
  for (const { component } of stages) component.weights.unload();
  return counter.memory().peakAllocatedBytes;
}
