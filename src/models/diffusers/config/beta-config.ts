// What the configs of diffusers' schedulers say of the noise schedule.
import * as z from "zod/mini";
import { never } from "../../../config/known-keys.js";

/** Keys of all of them. */
export const betaShape = {
  num_train_timesteps: z._default(z.int().check(z.minimum(2)), 1000),
  beta_start: z._default(z.number().check(z.positive()), 0.0001),
  beta_end: z._default(z.number().check(z.positive(), z.maximum(1)), 0.02),
  beta_schedule: z._default(z.enum(["linear", "scaled_linear", "squaredcos_cap_v2"]), "linear"),
  trained_betas: never("betas that are stored"),
};

/** How a noise schedule is made. */
export interface BetaOptions {
  readonly timesteps: number;
  readonly betaSchedule: "linear" | "scaled_linear" | "squaredcos_cap_v2";
  /** The first and the last beta; the cosine schedule has its own. */
  readonly betaRange: readonly [start: number, end: number];
}

/** The options of these keys. */
export function betaOptions(config: z.output<z.ZodMiniObject<typeof betaShape>>): BetaOptions {
  return {
    timesteps: config.num_train_timesteps,
    betaSchedule: config.beta_schedule,
    betaRange: [config.beta_start, config.beta_end],
  };
}
