import type { NoiseSchedule } from "../../../diffusion/schedule.js";
import * as z from "zod/mini";
import { EXACT, type Output, type Tolerance } from "../../../fixture/result.js";
import type { Fixture } from "../../../fixture/fixture.js";
import type { Runner } from "../../../fixture/runner.js";
import { pndmSchedulerOptions } from "../../diffusers/config/pndm-scheduler-config.js";
import { PndmScheduler } from "../../diffusers/scheduler/pndm-scheduler.js";
import { chainOutputs } from "../../diffusers/verify/scheduler-chain.js";
import { NOISING } from "./embed-noise.js";

const info = z.looseObject({
  steps: z.array(z.int()),
  timesteps: z.array(z.int()),
  schedulers: z.record(z.string(), z.record(z.string(), z.unknown())),
});

/** The last digit of torch's linspace differs among machines, and ᾱ is a product of up to 1000 such numbers. */
const TABLES: Tolerance = { maxRelative: 1e-6 };

/** Computes tables, timesteps and chains of the decoder's scheduler, and the table of the noise of image embeddings. */
export const verifyScheduler: Runner = async (fixture, openArena) => {
  const { schedulers, steps, timesteps } = fixture.info(info);
  const arena = await openArena();
  const outputs: Output[] = await tableOutputs(fixture, "noising", NOISING);
  for (const [name, config] of Object.entries(schedulers)) {
    const scheduler = new PndmScheduler(pndmSchedulerOptions(config, `${fixture.folder}/fixture.json`));
    outputs.push(...(await tableOutputs(fixture, name, scheduler.process.schedule)));
    for (const count of timesteps) {
      const actual = scheduler.sampler(undefined, count, name).steps.map(({ timestep }) => timestep);
      const expected = await fixture.tensorIfAny(`out.timesteps.${name}.${count}`);
      if (expected)
        outputs.push({ name: `timesteps.${name}.${count}`, actual, expected: expected.data, tolerance: EXACT });
    }
    for (const count of steps) {
      outputs.push(
        ...(await chainOutputs(fixture, arena, { scheduler, sampler: "default", name: `${name}.${count}`, every: 1 })),
      );
    }
  }
  return outputs;
};

async function tableOutputs(fixture: Fixture, name: string, { tables }: NoiseSchedule): Promise<Output[]> {
  const named = { betas: tables.betas, alphas_cumprod: tables.alphasCumprod };
  const outputs = Object.entries(named).map(async ([key, actual]): Promise<Output[]> => {
    const output = `tables.${name}.${key}`;
    const expected = await fixture.tensorIfAny(`out.${output}`);
    return expected ? [{ name: output, actual, expected: expected.data, tolerance: TABLES }] : [];
  });
  return (await Promise.all(outputs)).flat();
}
