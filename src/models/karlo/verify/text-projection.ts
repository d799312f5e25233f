import type { Output } from "../../../fixture/result.js";
import { pairOutputs, upload } from "../../../fixture/run-model.js";
import type { Runner } from "../../../fixture/runner.js";
import { concatBatch, selectBatch } from "../../../ops/layout.js";
import type { Arena } from "../../../tensor/arena.js";
import type { HostTensor } from "../../../tensor/host-tensor.js";
import type { Tensor } from "../../../tensor/tensor.js";
import { textProjectionOptions } from "../config/text-projection-config.js";
import { TextProjection } from "../text-projection.js";
import { withComponent } from "../../diffusers/verify/component.js";
import { FORWARD } from "../../diffusers/verify/tolerances.js";

interface Inputs {
  readonly imageEmbed: HostTensor;
  readonly textEmbed: HostTensor;
  readonly textEncodings: HostTensor;
}

/** Computes the decoder's condition with and without guidance. The first half of the texts is for the null half. */
export const verifyTextProjection: Runner = async (fixture, openArena) => {
  const inputs = {
    imageEmbed: await fixture.tensor("in.image_embeddings"),
    textEmbed: await fixture.tensor("in.prompt_embeds"),
    textEncodings: await fixture.tensor("in.text_encoder_hidden_states"),
  };
  const arena = await openArena();
  return withComponent(
    fixture,
    arena,
    "text_proj",
    (weights, { value, file }) => new TextProjection(weights, textProjectionOptions(value, file)),
    async (projection): Promise<Output[]> => pairOutputs(fixture, run(arena, projection, inputs), FORWARD[arena.dtype]),
  );
};

function run(arena: Arena, projection: TextProjection, inputs: Inputs): Record<string, Tensor> {
  return arena.scope(() => {
    const imageEmbed = upload(arena, inputs.imageEmbed);
    const [images = 0] = imageEmbed.shape;
    const half = (tensor: HostTensor, start: number): Tensor =>
      selectBatch(upload(arena, tensor), start, start + images);
    const texts = (start: number) => ({
      textEmbed: half(inputs.textEmbed, start),
      textEncodings: half(inputs.textEncodings, start),
    });
    const conditional = projection.forward(arena, { imageEmbed, ...texts(images) });
    const other = projection.forward(arena, texts(0));
    return {
      "guided.text_encoder_hidden_states": concatBatch(other.context, conditional.context),
      "guided.additive_clip_time_embeddings": concatBatch(other.addedToTime, conditional.addedToTime),
      "unguided.text_encoder_hidden_states": conditional.context,
      "unguided.additive_clip_time_embeddings": conditional.addedToTime,
    };
  });
}
