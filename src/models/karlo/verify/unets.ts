import type { Output } from "../../../fixture/result.js";
import { maskRows, pairOutputs, upload } from "../../../fixture/run-model.js";
import type { Runner } from "../../../fixture/runner.js";
import { sliceChannels } from "../../../ops/layout.js";
import { StepInputs } from "../../../ops/step-inputs.js";
import type { Arena } from "../../../tensor/arena.js";
import type { HostTensor } from "../../../tensor/host-tensor.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Weights } from "../../../weights/store.js";
import { decoderOptions } from "../config/decoder-config.js";
import { superResolutionOptions } from "../config/super-resolution-config.js";
import { AddedKeyUnet } from "../../diffusers/unet/added-key-unet.js";
import { SuperResolutionUnet } from "../unet/super-resolution-unet.js";
import { networkCalls, timesOf, type NetworkCall } from "../../diffusers/verify/calls.js";
import { withComponent, type ComponentConfig } from "../../diffusers/verify/component.js";
import { FORWARD } from "../../diffusers/verify/tolerances.js";

/** Runs forward passes of the decoder's U-Net. */
export const verifyDecoderUnet = unetRunner(
  "decoder",
  (weights, { value, file }) => new AddedKeyUnet(weights, decoderOptions(value, file)),
  (arena, unet, { inputs }) => {
    const x = uploadImage(arena, inputs.get("sample")!);
    const mask = inputs.get("attention_mask");
    using steps = new StepInputs(arena, 1);
    const condition = {
      context: upload(arena, inputs.get("encoder_hidden_states")!),
      addedToTime: upload(arena, inputs.get("class_labels")!),
      contextMask: mask && maskRows(mask),
    };
    const times = [timesOf(inputs.get("timestep")!)];
    return unet.forward(x, unet.prepare(steps, { batch: x.shape[0]!, times, condition }));
  },
);

/** Runs forward passes of a super-resolution U-Net. */
export const verifySuperResolutionUnet = unetRunner(
  "super_res_first",
  (weights, { value, file }) => new SuperResolutionUnet(weights, superResolutionOptions(value, file)),
  (arena, unet, { inputs }) => {
    const sample = uploadImage(arena, inputs.get("sample")!);
    const { channelsIn, channelsOut } = unet.options;
    using steps = new StepInputs(arena, 1);
    const times = [timesOf(inputs.get("timestep")!)];
    const lowres = sliceChannels(sample, channelsOut, channelsIn);
    return unet.forward(sliceChannels(sample, 0, channelsOut), unet.prepare(steps, { times, lowres }));
  },
);

function unetRunner<Unet>(
  component: string,
  build: (weights: Weights, config: ComponentConfig) => Unet,
  predict: (arena: Arena, unet: Unet, call: NetworkCall) => Tensor,
): Runner {
  return async (fixture, openArena) => {
    const calls = await networkCalls(fixture);
    const arena = await openArena();
    return withComponent(fixture, arena, component, build, async (unet) => {
      const outputs: Output[] = [];
      for (const call of calls) {
        const sample = arena.scope(() => predict(arena, unet, call));
        outputs.push(...(await pairOutputs(fixture, { [`${call.name}.sample`]: sample }, FORWARD[arena.dtype])));
      }
      return outputs;
    });
  };
}

function uploadImage(arena: Arena, { data, shape }: HostTensor): Tensor {
  return arena.fromNchw(data, shape as [number, number, number, number], "f32");
}
