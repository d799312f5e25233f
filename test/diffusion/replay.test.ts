import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ddim } from "../../src/diffusion/ddim.js";
import { ddpm } from "../../src/diffusion/ddpm.js";
import { denoise, type Denoiser, type DenoiseOptions } from "../../src/diffusion/denoise.js";
import { dpmpp2m } from "../../src/diffusion/dpmpp.js";
import { Generator } from "../../src/diffusion/generator.js";
import { Inpainting } from "../../src/diffusion/inpaint.js";
import { StateNoise } from "../../src/diffusion/noise.js";
import { evenGrid, type Sampler } from "../../src/diffusion/sampler.js";
import { NoiseSchedule } from "../../src/diffusion/schedule.js";
import type { GpuDevice, StreamOptions } from "../../src/gpu/device.js";
import { openGpu } from "../../src/gpu/open.js";
import { activate, affine, combine, scaleBy } from "../../src/ops/elementwise.js";
import { Arena } from "../../src/tensor/arena.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { Random } from "../support/gpu.js";

const SHAPE = [2, 8, 8, 3];
const SIZE = 384;
const COUNT = 6;
const schedule = NoiseSchedule.named("cosine", 1000);
const process = { schedule, objective: "x0" } as const;
const grid = evenGrid(1000, COUNT);
const ddimBy = (eta: number): Sampler =>
  ddim(process, {
    grid,
    alphas: schedule.tables.alphasCumprod,
    eta,
    epsilon: "clamped",
    epsilonSign: "right",
    lastNoise: "off",
  });
const samplers: readonly (readonly [string, Sampler])[] = [
  ["ddpm", ddpm(process, { count: COUNT })],
  ["ddim", ddimBy(0)],
  ["ddim with noise", ddimBy(1)],
  ["dpmpp2m", dpmpp2m(process, grid)],
];

let gpu: GpuDevice;

beforeAll(async () => {
  gpu = await openGpu();
});

afterAll(() => {
  gpu.dispose();
});

/** A stream whose commands are reported encodes each of them. */
const ENCODED: StreamOptions = { onCommand: () => undefined };

/** Two layers with temporary tensors. */
function network(x: Tensor, before: Tensor | undefined): Tensor {
  return x.arena.scope(() => {
    const h = activate(affine(x, 1.5, 0.1), "silu");
    return before ? combine(h, 0.5, before, -0.25) : affine(h, 0.5, 0.1);
  });
}

interface Case {
  readonly sampler: Sampler;
  readonly selfCond?: boolean;
  readonly predict?: typeof network;
  readonly repeats?: number;
  readonly options?: Partial<DenoiseOptions>;
}

async function sample(stream: StreamOptions, { sampler, selfCond = false, predict, repeats, options }: Case) {
  using own = gpu.stream(stream);
  const arena = new Arena(own);
  using image = arena.from(new Random(3).normals(SIZE, 0.5), SHAPE, "f32");
  const mask = Float32Array.from({ length: SIZE / 3 }, (_, i) => i % 2);
  using maskTensor = arena.from(mask, [...SHAPE.slice(0, 3), 1], "f32");
  const inpainting = repeats === undefined ? undefined : new Inpainting({ image, mask: maskTensor }, schedule, repeats);
  const model: Denoiser = {
    arena,
    name: "U-Net",
    process,
    sampler,
    selfCond,
    prepare: () => predict ?? network,
    x0Limit: 1,
  };
  const noise = new StateNoise(arena, new Generator(5), SHAPE);
  using x = await denoise(model, { noise, inpainting, ...options });
  return [...(await x.read())];
}

/** Calls `act` after every second step. */
function between(act: (x0: Tensor) => void | Promise<void>): Partial<DenoiseOptions> {
  return { preview: { every: 2, show: async (x0) => act(x0) } };
}

describe.each(samplers)("a replayed run by %s", (_, sampler) => {
  it.each([false, true])(
    "gives the same bits as one that encodes each step, self-conditioning %s",
    async (selfCond) => {
      expect(await sample({}, { sampler, selfCond })).toEqual(await sample(ENCODED, { sampler, selfCond }));
    },
  );

  it("shows the same previews", async () => {
    const seen = async (stream: StreamOptions) => {
      const shown: number[][] = [];
      const options = between(async (x0) => void shown.push([...(await x0.read())]));
      return [await sample(stream, { sampler, options }), shown];
    };
    expect(await seen({})).toEqual(await seen(ENCODED));
  });

  it.runIf(sampler.canGoBack)("gives the same bits when inpainting repeats steps", async () => {
    expect(await sample({}, { sampler, repeats: 3 })).toEqual(await sample(ENCODED, { sampler, repeats: 3 }));
  });
});

describe("a replayed run", () => {
  const sampler = ddpm(process, { count: COUNT });

  /** Counts how often the network is encoded. */
  function counting(): { readonly predict: typeof network; readonly runs: () => number } {
    let runs = 0;
    return {
      predict: (x, before) => {
        runs++;
        return network(x, before);
      },
      runs: () => runs,
    };
  }

  it("encodes one step of each kind", async () => {
    const { predict, runs } = counting();
    await sample({}, { sampler, predict });
    // The last step adds no noise.
    expect(runs()).toBe(2);
  });

  it("makes no bind group and no buffer, and uploads only counter and noise, after the first step of a kind", async () => {
    const seen: number[][] = [];
    const onStep = (): void => {
      const { bindGroups, uploads, dispatches } = gpu.counters;
      seen.push([bindGroups, gpu.memory().created, uploads, dispatches]);
    };
    await sample({}, { sampler, options: { onStep } });
    // Step n is reported when step n + 1 is encoded; the first and the last step are of other kinds.
    const [from, to] = [seen[1]!, seen[COUNT - 3]!];
    const steps = COUNT - 4;
    expect(to.slice(0, 2)).toEqual(from.slice(0, 2));
    expect(to[2]! - from[2]!).toBe(2 * steps);
    expect(to[3]! - from[3]!).toBeGreaterThan(4 * steps);
  });

  it("keeps its memory from other calls", async () => {
    using other = gpu.stream();
    const arena = new Arena(other);
    const held: Tensor[] = [];
    const options = between(() => {
      // Of the sizes that a step frees, and written while the next step runs.
      for (let i = 0; i < 8; i++) held.push(arena.from(new Float32Array(SIZE).fill(i), SHAPE, "f32"));
      other.flush();
    });
    expect(await sample({}, { sampler, options })).toEqual(await sample(ENCODED, { sampler }));
    for (const [i, one] of held.entries()) {
      expect(new Set(await one.read())).toEqual(new Set([i % 8]));
      one.dispose();
    }
  });

  it("encodes again after its memory was given up, or the parameters of kernels moved", async () => {
    const expected = await sample(ENCODED, { sampler });
    const trimmed = counting();
    const trim = between(() => {
      gpu.trim();
    });
    expect(await sample({}, { sampler, predict: trimmed.predict, options: trim })).toEqual(expected);
    expect(trimmed.runs()).toBeGreaterThan(2);

    using other = gpu.stream();
    const arena = new Arena(other);
    using one = arena.from([1], [1], "f32");
    const moved = counting();
    // More distinct parameters than the table of them has slots.
    const move = between(() => {
      for (let i = 0; i < 4200; i++) arena.scope(() => scaleBy(one, i + 0.5));
      other.flush();
    });
    expect(await sample({}, { sampler, predict: moved.predict, options: move })).toEqual(expected);
    // The recorded commands stay; only their parameters are placed again.
    expect(moved.runs()).toBe(2);
  });

  it("returns its memory, also after an error", async () => {
    const { live, liveBytes } = gpu.memory();
    await sample({}, { sampler });
    const options = between(() => Promise.reject(new Error("no preview")));
    await expect(sample({}, { sampler, options })).rejects.toThrow("no preview");
    expect(gpu.memory()).toMatchObject({ live, liveBytes });
  });

  it("encodes each step of a network that uploads", async () => {
    let value = 0;
    const predict = (x: Tensor) =>
      x.arena.scope(() => {
        const [batch = 0, ...rest] = x.shape;
        const added = x.arena.from(new Float32Array((batch * SIZE) / 2).fill(++value / 10), [batch, ...rest], "f32");
        return combine(x, 0.5, added, 1);
      });
    const first = await sample({}, { sampler, predict });
    expect(value).toBe(COUNT);
    value = 0;
    expect(await sample(ENCODED, { sampler, predict })).toEqual(first);
  });
});
