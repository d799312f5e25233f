import * as z from "zod/mini";
import type { Fixture } from "../../../fixture/fixture.js";
import type { Output, Tolerance } from "../../../fixture/result.js";
import type { Runner } from "../../../fixture/runner.js";
import { combine } from "../../../ops/elementwise.js";
import { concatChannels } from "../../../ops/layout.js";
import { predictX0, x0Numbers } from "../../../ops/sampler.js";
import { StepInputs } from "../../../ops/step-inputs.js";
import type { Arena } from "../../../tensor/arena.js";
import type { HostTensor } from "../../../tensor/host-tensor.js";
import type { Tensor, TensorArena } from "../../../tensor/tensor.js";
import { schedulerOptions } from "../config/scheduler-config.js";
import { unclipGrid, UnclipSchedule } from "../scheduler/unclip-schedule.js";
import { UnclipScheduler } from "../scheduler/unclip-scheduler.js";

const info = z.looseObject({
  train_timesteps: z.array(z.int()),
  timesteps: z.array(z.int()),
  steps: z.array(z.int()),
  /** Schedulers with a chain of all timesteps. */
  full: z.array(z.string()),
  schedulers: z.record(z.string(), z.record(z.string(), z.unknown())),
});

/** Tables and timesteps are equal, except for the last digit of cos and sqrt. */
const TABLES: Tolerance = { maxRelative: 1e-7 };
const EXACT: Tolerance = { maxRelative: 0 };

/** A chain feeds rounding errors of each step into the next. */
const CHAIN: Tolerance = { maxRelative: 1e-5 };

/** Samples of such a chain are outputs of the fixture. */
const LONG = 25;
const EVERY = 100;

/** Computes the tables and timesteps of the scheduler, and chains of its steps with a formula as the network. */
export const verifyScheduler: Runner = async (fixture, openArena) => {
  const { schedulers, steps, full } = fixture.info(info);
  const outputs = await tableOutputs(fixture);
  const arena = await openArena();
  for (const [name, config] of Object.entries(schedulers)) {
    const scheduler = new UnclipScheduler(schedulerOptions(config, `${fixture.folder}/fixture.json`));
    const counts = full.includes(name) ? [...steps, scheduler.options.timesteps] : steps;
    for (const count of counts) outputs.push(...(await chainOutputs(fixture, arena, scheduler, `${name}.${count}`)));
  }
  return outputs;
};

async function tableOutputs(fixture: Fixture): Promise<Output[]> {
  const { train_timesteps, timesteps } = fixture.info(info);
  const outputs: Output[] = [];
  const compare = async (name: string, actual: ArrayLike<number>, tolerance: Tolerance): Promise<void> => {
    outputs.push({ name, actual, expected: (await fixture.tensor(`out.${name}`)).data, tolerance });
  };
  for (const train of train_timesteps) {
    const { betas, alphasCumprod } = new UnclipSchedule(train).tables;
    await compare(`tables.${train}.betas`, betas, TABLES);
    await compare(`tables.${train}.alphas_cumprod`, alphasCumprod, TABLES);
    for (const count of timesteps.filter((count) => count <= train)) {
      const times = unclipGrid(train, count).map(({ timestep }) => timestep);
      await compare(`timesteps.${train}.${count}`, times, EXACT);
    }
  }
  return outputs;
}

async function chainOutputs(
  fixture: Fixture,
  arena: Arena,
  scheduler: UnclipScheduler,
  name: string,
): Promise<Output[]> {
  const count = Number(name.slice(name.lastIndexOf(".") + 1));
  const sampler = scheduler.sampler("ddpm", count, name);
  const passes = sampler.steps.map((_, i) => i);
  const noise = (await fixture.tensor(`noise.${name}.0`)).data;
  const formula = await fixture.tensor("in.model_output");
  using inputs = new StepInputs(arena, count);
  const { schedule, objective } = scheduler.process;
  const numbers = x0Numbers(
    inputs,
    sampler.steps.map(({ timestep }) => schedule.x0From(objective, timestep)),
  );
  const encode = sampler.init(inputs, passes);
  let x = uploadNchw(arena, await fixture.tensor("in.sample"));
  const size = x.rows * x.channels;
  const outputs: Output[] = [];
  for (const pass of passes) {
    inputs.goTo(pass);
    const step = sampler.steps[pass]!;
    const drawn = step.noise === "added" ? noise.subarray(pass * size, (pass + 1) * size) : undefined;
    const { x0, next } = arena.scope(() => {
      const raw = networkOf(x, formula, pass);
      const z = drawn && uploadNchw(arena, { shape: nchw(x), data: drawn });
      const x0 = predictX0(x, raw, numbers, { limit: scheduler.x0Limit });
      return { x0, next: encode({ x }, { raw, x0, noise: z, step }).x };
    });
    x.dispose();
    x = next;
    if (count <= LONG || (pass + 1) % EVERY === 0) {
      const values = { prev_sample: next, pred_original_sample: x0 };
      for (const [key, tensor] of Object.entries(values)) {
        const output = `${name}.${pass}.${key}`;
        const { data: expected } = await fixture.tensor(`out.${output}`);
        outputs.push({ name: output, actual: await arena.readNchw(tensor), expected, tolerance: CHAIN });
      }
    }
    x0.dispose();
  }
  x.dispose();
  return outputs;
}

/**
 * The formula in place of a network: 0.3 · state + one of some tensors. Schedulers without a learned variance read only the
 * first half of its channels.
 */
function networkOf(x: Tensor, { shape, data }: HostTensor, pass: number): Tensor {
  const [count = 1, ...one] = shape;
  const size = data.length / count;
  const start = (pass % count) * size;
  const added = uploadNchw(x.arena, { shape: one, data: data.subarray(start, start + size) });
  return combine(concatChannels([x, x]), 0.3, added, 1);
}

function nchw({ shape }: Tensor): readonly number[] {
  const [batch = 0, height = 0, width = 0, channels = 0] = shape;
  return [batch, channels, height, width];
}

function uploadNchw(arena: TensorArena, { shape, data }: HostTensor): Tensor {
  return arena.fromNchw(data, shape as [number, number, number, number], "f32");
}
