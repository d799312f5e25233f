import type { Fixture } from "../../../fixture/fixture.js";
import type { Output } from "../../../fixture/result.js";
import type { Runner } from "../../../fixture/runner.js";
import { scalesOf, type SampleCall } from "../../../fixture/unclip-call.js";
import { affine } from "../../../ops/elementwise.js";
import type { Arena } from "../../../tensor/arena.js";
import type { HostTensor } from "../../../tensor/host-tensor.js";
import type { Tensor } from "../../../tensor/tensor.js";
import { decoderOptions } from "../config/decoder-config.js";
import { textProjectionOptions } from "../config/text-projection-config.js";
import { DecoderStage } from "../decoder-stage.js";
import type { StageInputs } from "../karlo-stage.js";
import { runStage } from "../run-stage.js";
import { withComponents } from "../../diffusers/verify/component.js";
import { refusals, repeated, schedulerOf, uploadText } from "../../diffusers/verify/sample-inputs.js";
import { noiseOfCall, sampleCalls, textsOf } from "./sample-calls.js";
import { LOOP } from "../../diffusers/verify/tolerances.js";

/** Runs the decoder's sampling loop with the noise of the reference. */
export const verifyDecoderSample: Runner = async (fixture, openArena) => {
  const scheduler = await schedulerOf(fixture, "decoder_scheduler");
  const image = await fixture.tensor("in.image_embeddings");
  const texts = await textsOf(fixture);
  const arena = await openArena();
  return withComponents(
    fixture,
    arena,
    ["decoder", "text_proj"],
    ([decoder, projection]) => {
      const unet = decoderOptions(decoder!.value, decoder!.file);
      const options = { unet: { ...unet, sampleSize: unet.sampleSize! }, scheduler, textLength: 77 };
      const projected = textProjectionOptions(projection!.value, projection!.file);
      const weights = { unet: decoder!.weights, projection: projection!.weights };
      return new DecoderStage(weights, { ...options, projection: projected });
    },
    async (stage) => {
      const outputs: Output[] = refusals(fixture, (steps) => {
        stage.check(stage.settings({ steps }));
      });
      for (const call of sampleCalls(fixture)) {
        using inputs = new DecoderInputs(arena, image, texts, call.num_images_per_prompt);
        const settings = { steps: call.decoder_num_inference_steps, condScale: scalesOf(call).decoder };
        outputs.push(await sampleSmall(fixture, arena, stage, call, { ...inputs.named, ...stage.settings(settings) }));
      }
      return outputs;
    },
  );
};

async function sampleSmall(
  fixture: Fixture,
  arena: Arena,
  stage: DecoderStage,
  call: SampleCall,
  inputs: Omit<Parameters<typeof runStage>[2], "noise">,
): Promise<Output> {
  const sampling = { ...inputs, noise: await noiseOfCall(fixture, call, "decoder") };
  using images = await runStage(arena, stage, sampling, (_, body) => body(stage, arena));
  using small = arena.scope(() => affine(images, 2, -1));
  const name = `${call.name}.image_small`;
  const { data: expected } = await fixture.tensor(`out.${name}`);
  return { name, actual: await arena.readNchw(small), expected, tolerance: LOOP[arena.dtype] };
}

/** The tensors of a call. */
class DecoderInputs {
  readonly named: StageInputs;
  readonly #tensors: readonly Tensor[];

  constructor(arena: Arena, image: HostTensor, texts: Awaited<ReturnType<typeof textsOf>>, count: number) {
    const { data, shape } = repeated(image, count);
    const [batch = 0] = shape;
    const imageEmbed = arena.from(data, shape, "f32");
    const text = uploadText(arena, texts.text, count);
    const negative = uploadText(arena, texts.negative, batch);
    this.named = { batch, imageEmbed, ...text, negative, resampleTimes: 1 };
    this.#tensors = [imageEmbed, text.textEmbed, text.textEncodings, negative.textEmbed, negative.textEncodings];
  }

  [Symbol.dispose](): void {
    for (const tensor of this.#tensors) tensor.dispose();
  }
}
