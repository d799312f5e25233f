// Sampling in the space of latents.
import { denoise, type DenoiseOptions, type Denoiser, type OnStep, type Preview } from "../../../diffusion/denoise.js";
import { startFromImage } from "../../../diffusion/init-image.js";
import { StateNoise, type NoiseSource } from "../../../diffusion/noise.js";
import type { Sampler } from "../../../diffusion/sampler.js";
import type { NetworkSettings } from "../../../diffusion/settings.js";
import type { Arena } from "../../../tensor/arena.js";
import { HeldTensors } from "../../../tensor/held-tensors.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Scheduler } from "../scheduler/scheduler.js";
import { startedSampler } from "../scheduler/started-sampler.js";
import { inpaintingRun, type KeptLatents } from "./kept-latents.js";
import { LATENT_CHANNELS, UNET_NAME, type Size } from "./latents.js";

/** The settings of a run, and what it starts from. Tensors are f32. */
export interface LatentRun extends NetworkSettings {
  /** Of the latents. */
  readonly size: Size;
  /** Latents of an image to start from, and the share of the steps that is run then. */
  readonly start?: { readonly latents: Tensor; readonly strength: number } | undefined;
  /** Kept latents that take their place again after each step. */
  readonly imposed?: KeptLatents | undefined;
  readonly noise: NoiseSource;
  readonly signal?: AbortSignal | undefined;
  readonly onStep?: OnStep | undefined;
  /** Called with predicted x0: latents. */
  readonly preview?: Preview | undefined;
}

/**
 * The sampler of a run. Throws `SamplingError` for one that the scheduler does not define, and `ArgumentError` for an invalid number
 * of steps, or a strength that leaves none.
 */
export function latentSampler(
  scheduler: Scheduler,
  { sampler: name, steps }: Pick<NetworkSettings, "sampler" | "steps">,
  strength = 1,
): Sampler {
  return startedSampler(scheduler.sampler(name, steps, UNET_NAME), strength, UNET_NAME);
}

/**
 * Samples latents, f32 `[batch, h, w, 4]`. `arena` has the dtype of the network, and `prepare` gives its predictions. The caller
 * disposes them. Rejects as `denoise`.
 */
export async function denoiseLatents(
  arena: Arena,
  scheduler: Scheduler,
  run: LatentRun,
  { batch, prepare }: { readonly batch: number; readonly prepare: Denoiser["prepare"] },
): Promise<Tensor> {
  using held = new HeldTensors(arena);
  const noise = new StateNoise(arena, run.noise, [batch, ...run.size, LATENT_CHANNELS]);
  const { sampler, start } = stepsOf(arena, held, scheduler, run, noise.shape);
  const denoiser: Denoiser = {
    arena,
    name: UNET_NAME,
    process: scheduler.process,
    sampler,
    selfCond: false,
    x0Limit: scheduler.x0Limit,
    limitX0: scheduler.limitX0,
    prepare,
  };
  const { signal, onStep, preview } = run;
  return await denoise(denoiser, { noise, start, signal, onStep, preview });
}

/** How a run starts and steps. */
function stepsOf(
  arena: Arena,
  held: HeldTensors,
  scheduler: Scheduler,
  run: LatentRun,
  shape: readonly number[],
): { readonly sampler: Sampler; readonly start: DenoiseOptions["start"] } {
  const { start, imposed } = run;
  const { schedule } = scheduler.process;
  const sampler = latentSampler(scheduler, run, start?.strength);
  if (imposed) {
    const firstNoise = held.hold(() => arena.empty(shape, "f32"));
    return inpaintingRun(sampler, imposed, { schedule, firstNoise });
  }
  return { sampler, start: start && startFromImage(start.latents, schedule, sampler.steps[0]!.timestep) };
}
