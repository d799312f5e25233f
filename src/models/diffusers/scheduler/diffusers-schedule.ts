import { float32, makeTables, NoiseSchedule, type Objective } from "../../../diffusion/schedule.js";

/**
 * A noise schedule of diffusers, with betas and all that follows from them in float32.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/schedulers/scheduling_ddpm.py#L199-L227
 */
export class DiffusersSchedule extends NoiseSchedule {
  /** `betas` are float32 values. */
  constructor(betas: readonly number[]) {
    super(makeTables(betas, float32));
  }

  /**
   * Divides by √ᾱ last, as the reference does: at the noisiest timesteps 1/√ᾱ may be 20 000, and two terms of that size would
   * lose the digits of their small difference.
   * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/schedulers/scheduling_unclip.py#L281-L290
   */
  override x0From(objective: Objective, t: number): ReturnType<NoiseSchedule["x0From"]> {
    if (objective !== "noise") return super.x0From(objective, t);
    const { x0: alpha, noise: sigma } = this.qSample(t);
    return { x: 1, prediction: -sigma, scale: 1 / alpha };
  }

  /** ᾱ in a step; 1 for the clean sample, after timestep 0. */
  barAt(timestep: number): number {
    return timestep < 0 ? 1 : this.tables.alphasCumprod[timestep]!;
  }
}

/** Largest beta of the cosine schedule. */
const MAX_BETA = 0.999;

/**
 * The betas of the cosine schedule (`squaredcos_cap_v2`; Nichol & Dhariwal 2021).
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/schedulers/scheduling_unclip.py#L48-L96
 */
export function cosineBetas(timesteps: number): number[] {
  const alphaBar = (time: number): number => Math.cos((((time + 0.008) / 1.008) * Math.PI) / 2) ** 2;
  return Array.from({ length: timesteps }, (_, i) =>
    float32(Math.min(1 - alphaBar((i + 1) / timesteps) / alphaBar(i / timesteps), MAX_BETA)),
  );
}

/** Rounds as Python and numpy do: halves to the even number. */
export function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  return value - floor === 0.5 ? floor + (floor % 2) : Math.round(value);
}
