import type { Output } from "../../../fixture/result.js";
import type { Runner } from "../../../fixture/runner.js";
import { affine, clamp } from "../../../ops/elementwise.js";
import { resizeBicubic } from "../../../ops/resize.js";
import { superResolutionOptions } from "../config/super-resolution-config.js";
import { runStage } from "../run-stage.js";
import { SuperResolutionStage } from "../super-resolution-stage.js";
import { withComponents } from "../../diffusers/verify/component.js";
import { refusals, schedulerOf } from "../../diffusers/verify/sample-inputs.js";
import { noiseOfCall, sampleCalls } from "./sample-calls.js";
import { FORWARD, LOOP } from "../../diffusers/verify/tolerances.js";

/** Runs the sampling loop of super-resolution with the noise of the reference, and the resizing before it. */
export const verifySuperResolutionSample: Runner = async (fixture, openArena) => {
  const scheduler = await schedulerOf(fixture, "super_res_scheduler");
  const { data, shape } = await fixture.tensor("in.image_small");
  const arena = await openArena();
  return withComponents(
    fixture,
    arena,
    ["super_res_first", "super_res_last"],
    ([first, last]) => {
      const options = {
        first: superResolutionOptions(first!.value, first!.file),
        last: superResolutionOptions(last!.value, last!.file),
        scheduler,
      };
      const imageSize = options.first.sampleSize!;
      return new SuperResolutionStage({ first: first!.weights, last: last!.weights }, { ...options, imageSize });
    },
    async (stage) => {
      const { imageSize } = stage.info;
      const outputs: Output[] = refusals(fixture, (steps) => {
        stage.check(stage.settings({ steps }));
      });
      using small = arena.fromNchw(data, shape as [number, number, number, number], "f32");
      using lowres = arena.scope(() => affine(small, 0.5, 0.5));
      using upscaled = arena.scope(() => resizeBicubic(small, [imageSize, imageSize]));
      for (const call of sampleCalls(fixture)) {
        const settings = stage.settings({ steps: call.super_res_num_inference_steps });
        const inputs = {
          batch: shape[0]!,
          lowres,
          resampleTimes: 1,
          noise: await noiseOfCall(fixture, call, "super_res"),
        };
        using sampled = await runStage(arena, stage, { ...settings, ...inputs }, (_, body) => body(stage, arena));
        using images = arena.scope(() => clamp(sampled, 0, 1));
        const pair = async (name: string, actual: Float32Array, tolerance: Output["tolerance"]): Promise<Output> => {
          const { data: expected } = await fixture.tensor(`out.${call.name}.${name}`);
          return { name: `${call.name}.${name}`, actual, expected, tolerance };
        };
        outputs.push(await pair("image_upscaled", await arena.readNchw(upscaled), FORWARD.f32));
        // Their channels are last in the fixture, too.
        outputs.push(await pair("images", await images.read(), LOOP[arena.dtype]));
      }
      return outputs;
    },
  );
};
