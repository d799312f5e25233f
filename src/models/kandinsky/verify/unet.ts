import type { Fixture } from "../../../fixture/fixture.js";
import type { Output } from "../../../fixture/result.js";
import { pairOutputs, upload } from "../../../fixture/run-model.js";
import type { Runner } from "../../../fixture/runner.js";
import { sliceChannels } from "../../../ops/layout.js";
import { StepInputs } from "../../../ops/step-inputs.js";
import type { Arena } from "../../../tensor/arena.js";
import type { HostTensor } from "../../../tensor/host-tensor.js";
import type { Tensor } from "../../../tensor/tensor.js";
import { networkCalls, timesOf, type NetworkCall } from "../../diffusers/verify/calls.js";
import { withComponent } from "../../diffusers/verify/component.js";
import { kandinskyUnetOptions } from "../config/unet-config.js";
import { LATENT_CHANNELS } from "../../diffusers/latents/latents.js";
import { KandinskyUnet } from "../unet/kandinsky-unet.js";
import { LATENT_FORWARD } from "../../diffusers/verify/tolerances.js";

/** Runs forward passes of the decoder's U-Net. */
export const verifyUnet: Runner = async (fixture, openArena) => unetOutputs(fixture, await openArena());

/** Runs the forward passes in `calls`, or in another list of the fixture. */
export async function unetOutputs(fixture: Fixture, arena: Arena, list = "calls"): Promise<Output[]> {
  const calls = await networkCalls(fixture, list);
  return withComponent(
    fixture,
    arena,
    "unet",
    (weights, { value, file }) => new KandinskyUnet(weights, kandinskyUnetOptions(value, file)),
    async (unet) => {
      const outputs: Output[] = [];
      for (const call of calls) {
        const sample = arena.scope(() => predict(arena, unet, call));
        outputs.push(...(await pairOutputs(fixture, { [`${call.name}.sample`]: sample }, LATENT_FORWARD[arena.dtype])));
      }
      return outputs;
    },
  );
}

function predict(arena: Arena, unet: KandinskyUnet, { inputs }: NetworkCall): Tensor {
  const sample = uploadImage(arena, inputs.get("sample")!);
  const hint = inputs.get("hint");
  using steps = new StepInputs(arena, 1);
  const condition = unet.condition(arena, upload(arena, inputs.get("image_embeds")!));
  const run = { batch: sample.shape[0]!, times: [timesOf(inputs.get("timestep")!)], condition };
  const latents = sliceChannels(sample, 0, LATENT_CHANNELS);
  const beside = hint
    ? unet.hintFeatures(arena, uploadImage(arena, hint))
    : sample.channels > LATENT_CHANNELS
      ? sliceChannels(sample, LATENT_CHANNELS, sample.channels)
      : undefined;
  return unet.forward(latents, unet.prepare(steps, run), beside);
}

function uploadImage(arena: Arena, { data, shape }: HostTensor): Tensor {
  return arena.fromNchw(data, shape as [number, number, number, number], "f32");
}
