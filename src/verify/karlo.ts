import * as z from "zod/mini";
import type { Fixture } from "../fixture/fixture.js";
import type { Output } from "../fixture/result.js";
import type { Runner } from "../fixture/runner.js";
import { givenLatents, sampleCall, scalesOf } from "../fixture/unclip-call.js";
import { toPlanes, type RgbImage } from "../image/image.js";
import type { Embedding } from "../pipeline/embedding.js";
import { splitRows } from "../pipeline/embedding.js";
import { BYTES } from "../models/diffusers/verify/tolerances.js";
import type { GeneratedImage } from "../pipeline/generated-image.js";
import { InferenceScript } from "../pipeline/inference-script.js";
import type { DalleModelManager } from "../pipeline/manager/model-manager.js";
import type { SampleDecoderOptions } from "../pipeline/script-options.js";
import { BasicInference } from "../pipeline/scripts/basic-inference.js";
import { Embed } from "../pipeline/scripts/embed.js";
import { ImageVariation } from "../pipeline/scripts/image-variation.js";
import type { ComputeType } from "../tensor/dtype.js";
import type { HostTensor } from "../tensor/host-tensor.js";
import { UnsupportedError } from "../weights/unsupported-error.js";
import {
  embeddingsOfPixels,
  ENCODED,
  freshRandom,
  generatorOf,
  joined,
  listOf,
  oneOrMore,
  openManager,
  paired,
  photosOf,
  QUIET,
  randomOfCall,
  repeat,
  SAMPLED,
  textsOf,
  tokensOf,
  type Random,
} from "./diffusers.js";

// Whole pipelines of Karlo, through the scripts that everyone uses.

const info = z.looseObject({
  model: z.string(),
  calls: z.record(
    z.string(),
    z.extend(sampleCall, {
      prompt: z.optional(oneOrMore(z.string())),
      image: z.optional(oneOrMore(z.string())),
      image_embeddings: z.optional(z.string()),
    }),
  ),
});

/** A call of a pipeline. */
interface Call extends z.output<typeof sampleCall> {
  readonly name: string;
  readonly prompt?: string | readonly string[] | undefined;
  readonly image?: string | readonly string[] | undefined;
  readonly image_embeddings?: string | undefined;
  readonly random: Random;
}

/** Exposes what scripts compute on the way. */
class Steps extends InferenceScript {
  small(options: SampleDecoderOptions): Promise<Map<number, GeneratedImage[]>> {
    return this.sampleDecoder({ ...options, stopAtUnetNumber: 1 });
  }
}

/** Verifies text to image: `UnCLIPPipeline`. */
export const verifyKarloTextToImage = pipelineRunner(true, async (fixture, manager, call) => {
  const texts = listOf(call.prompt ?? []);
  const { num_images_per_prompt: each } = call;
  const scales = scalesOf(call);
  const count = texts.length * each;
  const prior = { priorCondScale: scales.prior, priorSteps: call.prior_num_inference_steps, priorBatchSize: count };
  const images = await new BasicInference(manager, QUIET).run(texts, {
    ...freshRandom(call),
    ...prior,
    priorSampleCount: each,
    decoderCondScale: scales.decoder,
    decoderSteps: stepsOf(call),
    decoderBatchSize: count,
  });
  const generator = generatorOf(call);
  const embeddings = await new Embed(manager, QUIET).prior(texts, {
    generator,
    condScale: scales.prior,
    steps: call.prior_num_inference_steps,
    sampleCount: each,
    batchSize: count,
  });
  const isGuided = scales.decoder !== 1 || scales.prior !== 1;
  return [
    ...(await tokensOf(fixture, manager, call.name, texts)),
    await textsOf(fixture, manager, call.name, [
      ...new Array<string>(isGuided ? count : 0).fill(""),
      ...repeat(texts, each),
    ]),
    await paired(
      fixture,
      `${call.name}.image_embeddings`,
      joined([...embeddings.values()].flat()),
      SAMPLED[manager.dtype],
    ),
    await small(fixture, manager, call, {
      text: repeat(texts, each),
      imageEmbed: [...embeddings.values()].flat(),
      generator,
      condScale: scales.decoder,
    }),
    await bytes(
      fixture,
      call,
      [...images.values()].flatMap((one) => [...one.values()].flat()),
      manager.dtype,
    ),
  ];
});

/** Verifies variations of images: `UnCLIPImageVariationPipeline`. */
export const verifyKarloImageVariation = pipelineRunner(false, async (fixture, manager, call) => {
  const embeddings = await imageEmbeddingsOf(fixture, manager, call);
  const { num_images_per_prompt: each } = call;
  const photos =
    call.image === undefined || (await pixelsOf(fixture, call)) ? undefined : await photosOf(fixture, call.image);
  const count = embeddings.length * each;
  const options = {
    ...freshRandom(call),
    condScale: scalesOf({ ...call, prior_guidance_scale: 1 }).decoder,
    steps: stepsOf(call),
    sampleCount: each,
    batchSize: count,
  };
  const images = await new ImageVariation(manager, QUIET).run(photos ?? embeddings, options);
  const isGuided = options.condScale !== 1;
  const texts = new Array<string>(isGuided ? 2 * count : count).fill("");
  const encoded = joined(repeat(embeddings, each));
  return [
    await textsOf(fixture, manager, call.name, texts),
    await paired(fixture, `${call.name}.image_embeddings`, encoded, ENCODED[manager.dtype]),
    await small(fixture, manager, call, {
      imageEmbed: repeat(embeddings, each),
      generator: generatorOf(call),
      condScale: options.condScale,
    }),
    await bytes(fixture, call, [...images.values()].flat(), manager.dtype),
  ];
});

/** Runs every call of a fixture with the models in its folder. */
function pipelineRunner(
  hasPrior: boolean,
  run: (fixture: Fixture, manager: DalleModelManager, call: Call) => Promise<readonly Output[]>,
): Runner {
  return async (fixture, _, openContext) => {
    using manager = await openManager(fixture, fixture.info(info).model, await openContext());
    const outputs: Output[] = [];
    for (const call of await callsOf(fixture, hasPrior)) outputs.push(...(await run(fixture, manager, call)));
    return outputs;
  };
}

async function callsOf(fixture: Fixture, hasPrior: boolean): Promise<Call[]> {
  const { calls } = fixture.info(info);
  const result: Call[] = [];
  for (const [name, call] of Object.entries(calls)) {
    if (call.text_model_output !== undefined) throw new UnsupportedError("calls with text_model_output");
    const random = await randomOfCall(fixture, name, givenLatents(call, { hasPrior }));
    result.push({ ...call, name, random });
  }
  return result;
}

function stepsOf({ decoder_num_inference_steps: decoder, super_res_num_inference_steps: superRes }: Call) {
  return [decoder ?? null, superRes ?? null];
}

/** The image embeddings of a call: given, or those of its images. */
async function imageEmbeddingsOf(
  fixture: Fixture,
  manager: DalleModelManager,
  call: Call,
): Promise<readonly Embedding[]> {
  const { image, image_embeddings: given } = call;
  if (given !== undefined) {
    const { data, shape } = await fixture.tensor(given);
    return splitRows(data, shape);
  }
  const pixels = await pixelsOf(fixture, call);
  if (pixels) return embeddingsOfPixels(manager, pixels);
  return new Embed(manager, QUIET).images(await photosOf(fixture, image ?? []));
}

/** The image of a call if it is already what the encoder takes: `[B, 3, side, side]`, normalised. */
async function pixelsOf(fixture: Fixture, { image }: Call): Promise<HostTensor | undefined> {
  if (typeof image !== "string") return undefined;
  const tensor = await fixture.tensor(image);
  return tensor.shape.length === 4 ? tensor : undefined;
}

/** Compares the images of U-Net 1, as bytes. */
async function small(
  fixture: Fixture,
  manager: DalleModelManager,
  call: Call,
  inputs: SampleDecoderOptions,
): Promise<Output> {
  const batchSize = inputs.imageEmbed!.length;
  const images = await new Steps(manager, QUIET).small({ ...inputs, steps: stepsOf(call), batchSize });
  const name = `${call.name}.image_small`;
  const { data } = await fixture.tensor(`out.${name}`);
  return {
    name,
    actual: [...images.values()]
      .flat()
      .flatMap((image) => [...toPlanes(image)].map((value) => Math.round(value * 255))),
    expected: data.map((value) => Math.round((value * 0.5 + 0.5) * 255)),
    tolerance: BYTES[manager.dtype],
  };
}

async function bytes(
  fixture: Fixture,
  { name }: Call,
  images: readonly RgbImage[],
  dtype: ComputeType,
): Promise<Output> {
  return paired(
    fixture,
    `${name}.uint8`,
    images.flatMap(({ data }) => [...data]),
    BYTES[dtype],
  );
}
