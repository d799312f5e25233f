import type { Output } from "../../../fixture/result.js";
import { pairOutputs, upload } from "../../../fixture/run-model.js";
import type { Runner } from "../../../fixture/runner.js";
import { StepInputs } from "../../../ops/step-inputs.js";
import type { Arena } from "../../../tensor/arena.js";
import type { Tensor } from "../../../tensor/tensor.js";
import { networkCalls, timesOf, type NetworkCall } from "../../diffusers/verify/calls.js";
import { withComponent } from "../../diffusers/verify/component.js";
import { stableUnclipUnetOptions } from "../config/unet-config.js";
import { StableUnclipUnet } from "../unet/stable-unclip-unet.js";
import { UNET_FORWARD } from "./tolerances.js";

/** Runs forward passes of the decoder's U-Net. */
export const verifyUnet: Runner = async (fixture, openArena) => {
  const calls = await networkCalls(fixture);
  const arena = await openArena();
  return withComponent(
    fixture,
    arena,
    "unet",
    (weights, { value, file }) => new StableUnclipUnet(weights, stableUnclipUnetOptions(value, file)),
    async (unet) => {
      const outputs: Output[] = [];
      for (const call of calls) {
        const sample = arena.scope(() => predict(arena, unet, call));
        outputs.push(...(await pairOutputs(fixture, { [`${call.name}.sample`]: sample }, UNET_FORWARD[arena.dtype])));
      }
      return outputs;
    },
  );
};

function predict(arena: Arena, unet: StableUnclipUnet, { inputs }: NetworkCall): Tensor {
  const { data, shape } = inputs.get("sample")!;
  const sample = arena.fromNchw(data, shape as [number, number, number, number], "f32");
  using steps = new StepInputs(arena, 1);
  const classLabels = upload(arena, inputs.get("class_labels")!);
  const condition = unet.condition(arena, {
    classLabels,
    context: upload(arena, inputs.get("encoder_hidden_states")!),
  });
  const run = { batch: shape[0]!, times: [timesOf(inputs.get("timestep")!)], condition };
  return unet.forward(sample, unet.prepare(steps, run));
}
