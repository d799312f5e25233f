import * as z from "zod/mini";
import { betaScheduleName } from "../train-config.js";
import { NoiseSchedule, type ScheduleTables } from "../../../diffusion/schedule.js";
import type { Runner } from "../../../fixture/runner.js";
import type { Output, Tolerance } from "../../../fixture/result.js";

const info = z.looseObject({ schedules: z.array(z.tuple([betaScheduleName, z.int()])) });

/** f32 tables of sums and products in the same order. */
const TABLES: Tolerance = { maxRelative: 1e-6 };

const TABLE_NAMES: Readonly<Record<string, keyof ScheduleTables>> = {
  betas: "betas",
  alphas_cumprod: "alphasCumprod",
  sqrt_recip_alphas_cumprod: "sqrtRecipAlphasCumprod",
  sqrt_recipm1_alphas_cumprod: "sqrtRecipm1AlphasCumprod",
  posterior_log_variance_clipped: "posteriorLogVarianceClipped",
  posterior_mean_coef1: "posteriorMeanCoef1",
  posterior_mean_coef2: "posteriorMeanCoef2",
};

/** Computes the tables of every noise schedule. */
export const verifySchedules: Runner = async (fixture) => {
  const outputs: Output[] = [];
  for (const [schedule, timesteps] of fixture.info(info).schedules) {
    const { tables } = NoiseSchedule.named(schedule, timesteps);
    for (const [stored, table] of Object.entries(TABLE_NAMES)) {
      const name = `${schedule}.${timesteps}.${stored}`;
      const { data: expected } = await fixture.tensor(`out.${name}`);
      outputs.push({ name, actual: tables[table], expected, tolerance: TABLES });
    }
  }
  return outputs;
};
