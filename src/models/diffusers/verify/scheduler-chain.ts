// Chains of a scheduler's steps in fixtures, with a formula as the network.
import type { Fixture } from "../../../fixture/fixture.js";
import type { Output, Tolerance } from "../../../fixture/result.js";
import { disposeState } from "../../../diffusion/run-state.js";
import type { SamplerState } from "../../../diffusion/sampler.js";
import { combine } from "../../../ops/elementwise.js";
import { concatChannels } from "../../../ops/layout.js";
import { predictX0, x0Numbers } from "../../../ops/sampler.js";
import { StepInputs } from "../../../ops/step-inputs.js";
import type { Arena } from "../../../tensor/arena.js";
import type { HostTensor } from "../../../tensor/host-tensor.js";
import type { Tensor, TensorArena } from "../../../tensor/tensor.js";
import type { Scheduler } from "../scheduler/scheduler.js";

/** A chain feeds rounding errors of each step into the next. */
const CHAIN: Tolerance = { maxRelative: 1e-5 };

/** Every sample of a chain up to this length is an output of the fixture. */
const LONG = 25;

/** A chain of a fixture. */
export interface Chain {
  readonly scheduler: Scheduler;
  /** Default "ddpm". */
  readonly sampler?: "ddpm" | "default";
  /** Its name in the outputs, which ends with the number of steps. */
  readonly name: string;
  /** Of longer chains, each sample of this number is an output. */
  readonly every: number;
}

/** Runs a chain from `in.sample`, and pairs its samples with those of the reference. */
export async function chainOutputs(
  fixture: Fixture,
  arena: Arena,
  { scheduler, name, every, sampler: kind = "ddpm" }: Chain,
): Promise<Output[]> {
  const count = Number(name.slice(name.lastIndexOf(".") + 1));
  const isDefault = kind === "default";
  const sampler = scheduler.sampler(isDefault ? undefined : kind, count, name);
  const passes = sampler.steps.map((_, i) => i);
  const noise = (await fixture.tensorIfAny(`noise.${name}.0`))?.data;
  const formula = await fixture.tensor("in.model_output");
  using inputs = new StepInputs(arena, passes.length);
  const { schedule, objective } = scheduler.process;
  const numbers = x0Numbers(
    inputs,
    sampler.steps.map(({ timestep }) => schedule.x0From(objective, timestep)),
  );
  const encode = sampler.init(inputs, passes);
  let state: SamplerState = { x: uploadNchw(arena, await fixture.tensor("in.sample")) };
  const size = state.x.rows * state.x.channels;
  let drawn = 0;
  const outputs: Output[] = [];
  for (const pass of passes) {
    inputs.goTo(pass);
    const step = sampler.steps[pass]!;
    const draw = step.noise === "none" ? undefined : noise!.subarray(drawn++ * size, drawn * size);
    const last = state;
    const { x0, next } = arena.scope(() => {
      const { x } = last;
      const raw = networkOf(x, formula, pass);
      const z = draw && step.noise === "added" ? uploadNchw(arena, { shape: nchw(x), data: draw }) : undefined;
      const clamped = predictX0(x, raw, numbers, { limit: scheduler.x0Limit });
      const x0 = scheduler.limitX0?.(clamped) ?? clamped;
      return { x0, next: encode(last, { raw, x0, noise: z, step }) };
    });
    disposeState({ sampled: last, x0: undefined });
    state = next;
    if (count <= LONG || (pass + 1) % every === 0) {
      // Not all schedulers return the predicted x0.
      const values = { prev_sample: next.x, ...(!isDefault && { pred_original_sample: x0 }) };
      for (const [key, tensor] of Object.entries(values)) {
        const output = `${name}.${pass}.${key}`;
        const { data: expected } = await fixture.tensor(`out.${output}`);
        outputs.push({ name: output, actual: await arena.readNchw(tensor), expected, tolerance: CHAIN });
      }
    }
    x0.dispose();
  }
  disposeState({ sampled: state, x0: undefined });
  return outputs;
}

/**
 * The formula in place of a network: 0.3 · state + one of some tensors, which may have twice its channels. Schedulers without a
 * learned variance read only the first half of them.
 */
function networkOf(x: Tensor, { shape, data }: HostTensor, pass: number): Tensor {
  const [count = 1, ...one] = shape;
  const size = data.length / count;
  const start = (pass % count) * size;
  const added = uploadNchw(x.arena, { shape: one, data: data.subarray(start, start + size) });
  return combine(added.channels > x.channels ? concatChannels([x, x]) : x, 0.3, added, 1);
}

function nchw({ shape }: Tensor): readonly number[] {
  const [batch = 0, height = 0, width = 0, channels = 0] = shape;
  return [batch, channels, height, width];
}

function uploadNchw(arena: TensorArena, { shape, data }: HostTensor): Tensor {
  return arena.fromNchw(data, shape as [number, number, number, number], "f32");
}
