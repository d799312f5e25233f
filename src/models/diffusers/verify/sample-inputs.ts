// The inputs of sampling loops in fixtures.
import * as z from "zod/mini";
import type { Fixture } from "../../../fixture/fixture.js";
import { EXACT, type Output } from "../../../fixture/result.js";
import { maskRows } from "../../../fixture/run-model.js";
import { RecordedNoise } from "../../../diffusion/noise.js";
import { ArgumentError } from "../../../platform/arguments.js";
import type { Arena } from "../../../tensor/arena.js";
import type { HostTensor } from "../../../tensor/host-tensor.js";
import type { TextMaskRows } from "../../interfaces.js";
import { unclipSchedulerOptions } from "../config/unclip-scheduler-config.js";
import { UnclipScheduler } from "../scheduler/unclip-scheduler.js";
import { componentConfigOf } from "./component.js";

const raising = z.looseObject({ raises: z._default(z.record(z.string(), z.unknown()), {}) });

/** The noise of a call: the recorded draws, after the first one if the call gave it as a tensor of this name. */
export async function recordedNoise(fixture: Fixture, call: string, given?: string): Promise<RecordedNoise> {
  const first = given === undefined ? [] : [(await fixture.tensor(given)).data];
  const draws = (await fixture.names(`noise.${call}.`)).toSorted((a, b) => numberOf(a) - numberOf(b));
  const recorded = await Promise.all(draws.map(async (draw) => (await fixture.tensor(draw)).data));
  return new RecordedNoise([...first, ...recorded]);
}

/** The number at the end of the name of a tensor. */
export function numberOf(name: string): number {
  return Number(name.slice(name.lastIndexOf(".") + 1));
}

/** The scheduler of a component in the model folder. */
export async function schedulerOf(fixture: Fixture, component: string): Promise<UnclipScheduler> {
  const { value, file } = await componentConfigOf(fixture, component, "scheduler_config.json");
  return new UnclipScheduler(unclipSchedulerOptions(value, file));
}

/** The texts of a stage's fixture, encoded. */
export interface HostText {
  readonly embed: HostTensor;
  readonly encodings: HostTensor;
  readonly mask: HostTensor;
}

/** Uploads texts, each `count` times, side by side. The caller disposes both tensors. */
export function uploadText(arena: Arena, { embed, encodings, mask }: HostText, count: number) {
  const upload = (tensor: HostTensor) => {
    const { shape, data } = repeated(tensor, count);
    return arena.from(data, shape, "f32");
  };
  const textMask: TextMaskRows = maskRows(repeated(mask, count));
  return { textEmbed: upload(embed), textEncodings: upload(encodings), textMask };
}

/** Rows of a batch, each `count` times, side by side. */
export function repeated({ shape: [batch = 0, ...row], data }: HostTensor, count: number): HostTensor {
  const size = data.length / batch;
  const values = new Float32Array(data.length * count);
  for (let i = 0; i < batch * count; i++) {
    const start = Math.floor(i / count) * size;
    values.set(data.subarray(start, start + size), i * size);
  }
  return { shape: [batch * count, ...row], data: values };
}

/**
 * Compares what the reference refused with what is refused here: `check` is called with that number of steps. `pattern` finds it in
 * the call.
 */
export function refusals(
  fixture: Fixture,
  check: (steps: number) => void,
  pattern = /^num_inference_steps=(\d+)$/,
): Output[] {
  return Object.keys(fixture.info(raising).raises).flatMap((call) => {
    const [, count] = pattern.exec(call) ?? [];
    if (count === undefined) return [];
    return [
      {
        name: `refuses ${call}`,
        actual: [
          refuses(() => {
            check(Number(count));
          }),
        ],
        expected: [1],
        tolerance: EXACT,
      },
    ];
  });
}

/** 1 if a check throws `ArgumentError`, 0 if it throws nothing. */
export function refuses(check: () => void): number {
  try {
    check();
    return 0;
  } catch (error) {
    if (error instanceof ArgumentError) return 1;
    throw error;
  }
}
