import { expect, it } from "vitest";
import { Generator } from "../../../src/diffusion/generator.js";
import type { PriorSampling } from "../../../src/models/interfaces.js";
import { PRIOR_DEFAULTS } from "../../../src/models/karlo/defaults.js";
import { PRIOR } from "../../../src/models/karlo/components.js";
import { openComponent } from "../../../src/models/diffusers/component-weights.js";
import { ddpmSchedulerOptions } from "../../../src/models/diffusers/config/ddpm-scheduler-config.js";
import { declarePrior, readPrior, type PriorDefaults } from "../../../src/models/diffusers/prior/load-prior.js";
import { UnclipPrior } from "../../../src/models/diffusers/prior/unclip-prior.js";
import { DdpmScheduler } from "../../../src/models/diffusers/scheduler/ddpm-scheduler.js";
import type { Scheduler } from "../../../src/models/diffusers/scheduler/scheduler.js";
import { openModelFolder, type OpenedFolder } from "../../../src/models/opened.js";
import { WeightStore } from "../../../src/weights/weight-store.js";
import { ArgumentError } from "../../../src/platform/arguments.js";
import type { Arena } from "../../../src/tensor/arena.js";
import { difference, openTestArena } from "../../support/gpu.js";
import { modelFolder } from "../../support/model-folder.js";

const BATCH = 2;

/** Samples the prior of a fixture with random texts. */
async function sample(
  options: PriorDefaults,
  sampling: (arena: Arena) => Partial<PriorSampling>,
  scheduler?: Scheduler,
): Promise<Float32Array> {
  const folder = await openModelFolder(modelFolder("karlo-text-to-image-fp16"));
  const arena = await openTestArena();
  const { model, components } = await declared(folder, arena, options, scheduler);
  try {
    for (const { weights } of components) await weights.load();
    const random = new Generator(7);
    const text = (seed: number) => {
      const values = new Generator(seed);
      const [length, width] = model.textShape;
      return {
        textEmbed: arena.from(values.randn([BATCH, width]), [BATCH, width], "f32"),
        textEncodings: arena.from(values.randn([BATCH, length, width]), [BATCH, length, width], "f32"),
        textMask: Array.from({ length: BATCH }, () => Array.from({ length }, (_, i) => Number(i < 9))),
      };
    };
    return await model.sample(arena, {
      ...text(1),
      negative: text(2),
      steps: 3,
      noise: random,
      ...sampling(arena),
    });
  } finally {
    for (const { weights } of components) weights.dispose();
    await folder.close();
  }
}

/** The prior of a folder, with its own scheduler or another. */
async function declared(folder: OpenedFolder, arena: Arena, options: PriorDefaults, scheduler: Scheduler | undefined) {
  if (!scheduler) return declarePrior(folder, arena, PRIOR, options);
  const { network } = await readPrior(folder, PRIOR);
  const weights = new WeightStore(arena, await openComponent(folder, PRIOR.prior, "diffusion_pytorch_model"));
  return { model: new UnclipPrior(weights.root, { ...options, network, scheduler }), components: [{ weights }] };
}

const all: PriorDefaults = { defaults: PRIOR_DEFAULTS, embedsNegative: true, takesInitEmbed: true };

it("keeps the candidate most similar to each text, also of negative prompts", async () => {
  const one = await sample(all, () => ({ embedsNegative: true, numSamplesPerBatch: 3 }));
  expect(one).toHaveLength(2 * BATCH * 16);
  const [first, second] = [one.subarray(0, BATCH * 16), one.subarray(BATCH * 16)];
  expect(first).not.toEqual(second);
});

it("takes the whole strength as all steps, from an embedding that is hardly seen", async () => {
  const zeros = (arena: Arena) => arena.from(new Float32Array(BATCH * 16), [BATCH, 16], "f32");
  const noised = await sample(all, (arena) => ({ initEmbed: zeros(arena), strength: 1 }));
  const plain = await sample(all, () => ({}));
  // √ᾱ of the noisiest timestep is 5e-5.
  expect(difference(noised, plain).nmse).toBeLessThan(1e-6);
  const different = await sample(all, (arena) => ({ initEmbed: zeros(arena), strength: 0.4 }));
  expect(difference(different, plain).nmse).toBeGreaterThan(1e-3);
});

it("limits its predictions as its scheduler does", async () => {
  const sampled = (config: object) => {
    const whole = { beta_schedule: "squaredcos_cap_v2", prediction_type: "sample", ...config };
    return sample(all, () => ({}), new DdpmScheduler(ddpmSchedulerOptions(whole, "scheduler_config.json")));
  };
  const clamped = await sampled({ clip_sample_range: 1 });
  // A threshold of at most 1 is that clamp.
  const thresholded = await sampled({ thresholding: true, sample_max_value: 1 });
  expect(difference(thresholded, clamped).nmse).toBeLessThan(1e-12);
  const higher = await sampled({ thresholding: true, sample_max_value: 4 });
  expect(difference(higher, clamped).nmse).toBeGreaterThan(1e-4);
});

it.each<[what: string, options: PriorDefaults, sampling: (arena: Arena) => Partial<PriorSampling>, message: RegExp]>([
  ["a guided call without a text to guide away from", all, () => ({ negative: undefined }), /pass negative/],
  [
    "negative prompts that it does not embed",
    { defaults: PRIOR_DEFAULTS },
    () => ({ embedsNegative: true }),
    /takes no embedsNegative/,
  ],
  [
    "an embedding to start from that it does not take",
    { defaults: PRIOR_DEFAULTS },
    (arena) => ({ initEmbed: arena.from(new Float32Array(BATCH * 16), [BATCH, 16], "f32") }),
    /takes no initEmbed/,
  ],
  [
    "a strength that leaves no step",
    all,
    (arena) => ({ initEmbed: arena.from(new Float32Array(BATCH * 16), [BATCH, 16], "f32"), strength: 0.3 }),
    /leaves none of the 3 steps/,
  ],
])("refuses %s", async (_, options, sampling, message) => {
  const sampled = sample(options, sampling);
  await expect(sampled).rejects.toBeInstanceOf(ArgumentError);
  await expect(sampled).rejects.toThrow(message);
});
