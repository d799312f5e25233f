import type { Output } from "../../../fixture/result.js";
import { maskRows, pairOutputs, upload } from "../../../fixture/run-model.js";
import type { Runner } from "../../../fixture/runner.js";
import { StepInputs } from "../../../ops/step-inputs.js";
import type { Arena } from "../../../tensor/arena.js";
import type { Tensor } from "../../../tensor/tensor.js";
import { priorOptions } from "../config/prior-config.js";
import { PriorTransformer } from "../prior/prior-transformer.js";
import { networkCalls, timesOf, type NetworkCall } from "./calls.js";
import { withComponent } from "./component.js";
import type { Tolerances } from "./tolerances.js";

/** The runner of forward passes of a prior's network, which also scales embeddings back to those of CLIP. */
export function priorNetRunner(forward: Tolerances): Runner {
  return async (fixture, openArena) => {
    const calls = await networkCalls(fixture);
    const latents = await fixture.tensorIfAny("in.latents");
    const arena = await openArena();
    return withComponent(
      fixture,
      arena,
      "prior",
      (weights, { value, file }) => new PriorTransformer(weights, priorOptions(value, file)),
      async (network) => {
        const outputs: Output[] = [];
        for (const call of calls) {
          const pred = predict(arena, network, call);
          outputs.push(...(await pairOutputs(fixture, { [`${call.name}.pred`]: pred }, forward[arena.dtype])));
        }
        if (!latents) return outputs;
        const { data: expected } = await fixture.tensor("out.post_process_latents");
        const actual = network.unnormalize(latents.data);
        return [...outputs, { name: "post_process_latents", actual, expected, tolerance: forward.f32 }];
      },
    );
  };
}

function predict(arena: Arena, network: PriorTransformer, { inputs }: NetworkCall): Tensor {
  return arena.scope(() => {
    const x = upload(arena, inputs.get("hidden_states")!);
    const mask = inputs.get("attention_mask");
    using steps = new StepInputs(arena, 1);
    const [batch = 0] = x.shape;
    const condition = {
      textEmbed: upload(arena, inputs.get("proj_embedding")!),
      textEncodings: upload(arena, inputs.get("encoder_hidden_states")),
      textMask: mask && maskRows(mask),
    };
    const tokens = x.shape.length === 3 ? x.shape[1] : 1;
    const times = [timesOf(inputs.get("timestep")!)];
    return network.forward(x, network.prepare(steps, { batch, times, condition, tokens }));
  });
}
