import { describe, expect, it } from "vitest";
import { attention } from "../../src/ops/attention.js";
import type { Activation } from "../../src/ops/activation.js";
import { activate, affine, clamp, geglu, swiglu } from "../../src/ops/elementwise.js";
import { FiniteWatch } from "../../src/ops/finite.js";
import { cast } from "../../src/ops/layout.js";
import { l2Norm } from "../../src/ops/norm.js";
import { quantile } from "../../src/ops/reduce.js";
import { ddpmNumbers, ddpmStep, dynamicThreshold, guide, predictX0, x0Numbers } from "../../src/ops/sampler.js";
import { StepInputs } from "../../src/ops/step-inputs.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { openTestArena, testableTypes } from "../support/gpu.js";

/** Returns which values are infinity or NaN. */
function broken(values: Float32Array): boolean[] {
  return [...values].map((value) => !Number.isFinite(value));
}

describe.each(await testableTypes())("NaN stays NaN, in %s", (dtype) => {
  it.each(["silu", "gelu", "quickGelu", "relu", "none"] satisfies Activation[])("through %s", async (activation) => {
    const arena = await openTestArena(dtype);
    using y = activate(arena.from([NaN, 1, -1, 0], [1, 4]), activation);
    expect(broken(await y.read())).toEqual([true, false, false, false]);
  });

  it("through gates", async () => {
    const arena = await openTestArena(dtype);
    const x = [...new Array<number>(4).fill(1), NaN, 1, 1, 1];
    for (const gate of [swiglu, geglu]) {
      using y = gate(arena.from(x, [1, 8]));
      expect(broken(await y.read())).toEqual([true, false, false, false]);
    }
  });

  it("through a clamp, which clamps infinities", async () => {
    const arena = await openTestArena(dtype);
    using y = clamp(arena.from([NaN, Infinity, -Infinity, 0.5], [1, 4]), -1, 1);
    expect([...(await y.read())]).toEqual([NaN, 1, -1, 0.5]);
  });

  it("and infinities stay infinite without a clamp", async () => {
    const arena = await openTestArena(dtype);
    using y = affine(arena.from([NaN, Infinity, -Infinity, 0.5], [1, 4]), 2, 0);
    expect([...(await y.read())]).toEqual([NaN, Infinity, -Infinity, 1]);
  });

  it("through a normalisation", async () => {
    const arena = await openTestArena(dtype);
    for (const value of [NaN, Infinity]) {
      using y = l2Norm(arena.from([value, 1, 1, 1], [1, 4]));
      expect(broken(await y.read())).toContain(true);
    }
  });

  it("through attention, if all scores of a query overflow", async () => {
    const arena = await openTestArena(dtype);
    const q = arena.from([-Infinity, 1, 1, 1, 1, 1, 1, 1], [1, 2, 4]);
    const k = arena.from(new Float32Array(12).fill(1), [1, 3, 4]);
    const keyMask = arena.from([1, 1, 0], [1, 3], "u32");
    const options = { q, k, v: k, heads: 1, kvHeads: 1, dimHead: 4, scale: 1 };
    using seen = attention({ ...options, keyMask });
    expect(broken(await seen.read())).toEqual([true, true, true, true, false, false, false, false]);
    // The result of a query that sees no key is still zero.
    using none = attention({ ...options, keyMask: arena.from([0, 0, 0], [1, 3], "u32") });
    expect([...(await none.read())]).toEqual(new Array(8).fill(0));
  });
});

describe("samplers", () => {
  it("keep NaN in the predicted x0 and its threshold", async () => {
    const arena = await openTestArena();
    const x = arena.from([0, 0, 0, 0], [1, 4], "f32");
    using inputs = new StepInputs(arena, 1);
    const scales = x0Numbers(inputs, [{ x: 1, prediction: 1 }]);
    const prediction = arena.from([NaN, 3, -3, 0.5], [1, 4], "f32");
    expect([...(await predictX0(x, prediction, scales, { limit: 1 }).read())]).toEqual([NaN, 1, -1, 0.5]);
    const huge = arena.from([Infinity, 3, -3, 0.5], [1, 4], "f32");
    expect((await predictX0(x, huge, scales).read())[0]).toBe(Infinity);
    expect(broken(await dynamicThreshold(prediction, quantile(prediction, 0.9)).read())).toContain(true);
    expect(broken(await dynamicThreshold(huge, quantile(huge, 1)).read())).toContain(true);
  });

  it("keep NaN in a learned variance", async () => {
    const arena = await openTestArena();
    const x = arena.from([0, 0, 0, 0], [1, 4], "f32");
    const prediction = arena.from([0, 0, 0, 0, NaN, 0, 0, 0], [1, 8], "f32");
    for (const sigmoid of [true, false]) {
      const noise = arena.from([1, 1, 1, 1], [1, 4], "f32");
      using inputs = new StepInputs(arena, 1);
      const numbers = ddpmNumbers(inputs, [{ scaleX0: 1, scaleX: 1, minLog: -2, maxLog: -1 }]);
      using y = ddpmStep({ x, x0: x, noise }, numbers, { prediction, sigmoid });
      expect(broken(await y.read())).toEqual([true, false, false, false]);
    }
  });

  it("keep NaN in both halves of a guided prediction", async () => {
    const arena = await openTestArena();
    for (const values of [
      [NaN, 1, 1, 1, 1, 1, 1, 1],
      [1, 1, 1, 1, Infinity, 1, 1, 1],
    ]) {
      for (const scale of [0, 1.5]) {
        using y = guide(arena.from(values, [2, 4]), scale);
        expect(broken(await y.read())).toEqual([true, false, false, false]);
      }
    }
  });
});

describe("FiniteWatch", () => {
  /** The largest and the smallest numbers of f32 are finite. */
  const extremes = [3.4028234663852886e38, -3.4028234663852886e38, 1e-45, -0];

  it("finds the first pass, and whether it was in the prediction or the state", async () => {
    const arena = await openTestArena();
    const fine = arena.from(extremes, [1, 4], "f32");
    const bad = (value: number) => arena.from([0, 0, value, 0], [1, 4], "f32");
    for (const value of [NaN, Infinity, -Infinity]) {
      using inputs = new StepInputs(arena, 6);
      using watch = new FiniteWatch(inputs);
      const look = (pass: number, prediction: Tensor, state: Tensor): void => {
        inputs.goTo(pass);
        watch.check(prediction, state);
      };
      look(0, fine, fine);
      expect(await watch.read()).toBeUndefined();
      look(3, fine, bad(value));
      expect(await watch.read()).toEqual({ pass: 3, isPredicted: false });
      look(2, bad(value), bad(value));
      look(5, bad(value), fine);
      expect(await watch.read()).toEqual({ pass: 2, isPredicted: true });
    }
  });

  it("sees the last value of a prediction that is larger than the state", async () => {
    const arena = await openTestArena();
    const [rows, channels] = [70_001, 6];
    const values = new Float32Array(rows * channels);
    values[values.length - 1] = NaN;
    using inputs = new StepInputs(arena, 1);
    using watch = new FiniteWatch(inputs);
    watch.check(arena.from(values, [rows, channels], "f32"), arena.from(new Float32Array(rows * 3), [rows, 3], "f32"));
    expect(await watch.read()).toEqual({ pass: 0, isPredicted: true });
  });

  it("sees an overflow in half precision", async () => {
    if (!(await testableTypes()).includes("f16")) return;
    const arena = await openTestArena("f16");
    const half = cast(arena.from([70000, 1, 1, 1], [1, 4], "f32"), "f16");
    const prediction = cast(half, "f32");
    using inputs = new StepInputs(arena, 1);
    using watch = new FiniteWatch(inputs);
    watch.check(prediction, arena.from(extremes, [1, 4], "f32"));
    expect(await watch.read()).toEqual({ pass: 0, isPredicted: true });
  });
});
