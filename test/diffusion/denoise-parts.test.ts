import { describe, expect, it } from "vitest";
import { ddpm } from "../../src/diffusion/ddpm.js";
import { denoise, denoisePart, type Denoiser } from "../../src/diffusion/denoise.js";
import { disposeState, type RunState } from "../../src/diffusion/run-state.js";
import { dpmpp2m } from "../../src/diffusion/dpmpp.js";
import { Generator } from "../../src/diffusion/generator.js";
import { Inpainting } from "../../src/diffusion/inpaint.js";
import { StateNoise, type NoiseSource } from "../../src/diffusion/noise.js";
import { evenGrid, type Sampler } from "../../src/diffusion/sampler.js";
import { NotFiniteError } from "../../src/diffusion/sampling-error.js";
import { NoiseSchedule } from "../../src/diffusion/schedule.js";
import { affine, scaleBy } from "../../src/ops/elementwise.js";
import { Arena } from "../../src/tensor/arena.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { openTestArena, Random, sharedGpu, testableTypes } from "../support/gpu.js";

const SHAPE = [2, 4, 4, 3];
const SIZE = 96;
const schedule = NoiseSchedule.named("cosine", 1000);
const process = { schedule, objective: "x0" } as const;
const samplers: Readonly<Record<string, Sampler>> = {
  ddpm: ddpm(process, { count: 6 }),
  dpmpp2m: dpmpp2m(process, evenGrid(1000, 6)),
};
/** Parts that hand on states from the middle, and one of a single step at the end. */
const PARTS = [
  [0, 2],
  [2, 5],
  [5, 6],
] as const;

interface Case {
  readonly sampler: Sampler;
  readonly selfCond?: boolean;
  readonly predict?: Denoiser["prepare"];
}

function modelOf(arena: Arena, { sampler, selfCond = false, predict }: Case): Denoiser {
  const half = (x: Tensor, before: Tensor | undefined): Tensor => affine(before ?? x, 0.5, 0.1);
  return { arena, name: "U-Net 2", process, sampler, selfCond, prepare: predict ?? (() => half), x0Limit: 1 };
}

/** Runs the parts one after the other, in arenas of these dtypes. */
async function inParts(
  arena: Arena,
  source: NoiseSource,
  run: (arena: Arena, noise: StateNoise, part: Parameters<typeof denoisePart>[2]) => Promise<RunState>,
): Promise<Float32Array> {
  const types = await testableTypes();
  let state: RunState | undefined;
  for (const [i, [start, end]] of PARTS.entries()) {
    const own = arena.withType(types[i % types.length]!);
    const next = await run(own, new StateNoise(own, source, SHAPE), { start, end, from: state });
    disposeState(state);
    state = next;
  }
  const values = await state!.sampled.x.read();
  disposeState(state);
  return values;
}

function known(arena: Arena) {
  const image = arena.from(new Random(3).normals(SIZE, 0.5), SHAPE, "f32");
  const mask = arena.from(
    Float32Array.from({ length: 32 }, (_, i) => i % 2),
    [2, 4, 4, 1],
    "f32",
  );
  return { image, mask };
}

describe.each(Object.entries(samplers))("%s in parts", (name, sampler) => {
  it.each([false, true])("computes the same as in one run, with self-conditioning %s", async (selfCond) => {
    const gpu = await sharedGpu();
    // Without guards, which keep memory.
    const arena = new Arena(gpu.stream());
    const { live } = gpu.memory();
    using whole = await denoise(modelOf(arena, { sampler, selfCond }), {
      noise: new StateNoise(arena, new Generator(5), SHAPE),
    });
    const actual = await inParts(arena, new Generator(5), (own, noise, part) =>
      denoisePart(modelOf(own, { sampler, selfCond }), { noise }, part),
    );
    expect([...actual]).toEqual([...(await whole.read())]);
    whole.dispose();
    expect(gpu.memory().live).toBe(live);
  });

  it("reports steps and previews over the whole run", async () => {
    const arena = await openTestArena();
    const follow = (seen: string[]) => ({
      onStep: (step: number, steps: number) => seen.push(`${step} of ${steps}`),
      preview: {
        every: 2,
        show: (x0: Tensor) => {
          seen.push(`preview [${x0.shape.join(", ")}]`);
          return Promise.resolve();
        },
      },
    });
    const [whole, parts]: [string[], string[]] = [[], []];
    const noise = new StateNoise(arena, new Generator(5), SHAPE);
    (await denoise(modelOf(arena, { sampler }), { noise, ...follow(whole) })).dispose();
    await inParts(arena, new Generator(5), (own, ownNoise, part) =>
      denoisePart(modelOf(own, { sampler }), { noise: ownNoise, ...follow(parts) }, part),
    );
    expect(whole.filter((one) => one.includes("of"))).toEqual(["1", "2", "3", "4", "5", "6"].map((n) => `${n} of 6`));
    expect(parts.toSorted()).toEqual(whole.toSorted());
    expect(parts.filter((one) => one.includes("of"))).toEqual(whole.filter((one) => one.includes("of")));
  });

  it("names the step of the whole run if values are not finite, and keeps the state to try again", async () => {
    const arena = await openTestArena();
    const source = new Generator(5);
    const states: StateNoise = new StateNoise(arena, source, SHAPE);
    const first = await denoisePart(modelOf(arena, { sampler }), { noise: states }, { start: 0, end: 5 });
    const rewind = source.mark();
    const broken: Denoiser["prepare"] = () => (x) => scaleBy(x, Infinity);
    const last = { start: 5, end: 6, from: first };
    const failed = denoisePart(modelOf(arena, { sampler, predict: broken }), { noise: states }, last);
    await expect(failed).rejects.toMatchObject({ place: { component: "U-Net 2", step: 6, steps: 6 } });
    await expect(failed).rejects.toBeInstanceOf(NotFiniteError);
    rewind();
    const repeated = await denoisePart(modelOf(arena, { sampler }), { noise: states }, last);
    using whole = await denoise(modelOf(arena, { sampler }), {
      noise: new StateNoise(arena, new Generator(5), SHAPE),
    });
    expect([...(await repeated.sampled.x.read())]).toEqual([...(await whole.read())]);
    for (const state of [first, repeated]) disposeState(state);
  });

  if (name !== "ddpm") return;
  it("repeats each step when inpainting, and draws as in one run", async () => {
    const arena = await openTestArena();
    const inpaint = (own: Arena): Inpainting => new Inpainting(known(own), schedule, 3);
    using whole = await denoise(modelOf(arena, { sampler }), {
      noise: new StateNoise(arena, new Generator(5), SHAPE),
      inpainting: inpaint(arena),
    });
    const actual = await inParts(arena, new Generator(5), (own, noise, part) =>
      denoisePart(modelOf(own, { sampler }), { noise, inpainting: inpaint(own) }, part),
    );
    expect([...actual]).toEqual([...(await whole.read())]);
  });
});
