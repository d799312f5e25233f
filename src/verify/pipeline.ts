import * as z from "zod/mini";
import { ModelLoadConfig } from "../pipeline/load-config.js";
import { resolveBeside } from "../files/open.js";
import { makeImage, type RgbImage } from "../image/image.js";
import { BasicInference } from "../pipeline/scripts/basic-inference.js";
import { BasicInpainting } from "../pipeline/scripts/basic-inpainting.js";
import { ImageVariation } from "../pipeline/scripts/image-variation.js";
import { DalleModelManager } from "../pipeline/manager/model-manager.js";
import type { ScriptOptions } from "../pipeline/script-options.js";
import type { Generator } from "../diffusion/generator.js";
import type { Fixture } from "../fixture/fixture.js";
import { noiseOfCalls } from "../fixture/noise.js";
import type { Runner } from "../fixture/runner.js";
import { PIXELS } from "../fixture/result.js";

const count = z.int().check(z.positive());
const texts = z.array(z.string()).check(z.minLength(1));

const info = z.looseObject({
  load_config: z.string(),
  prompts: texts,
  calls: z.strictObject({
    basic: z.strictObject({ prior_sample_count: count, decoder_sample_count: count, decoder_batch_size: count }),
    variation: z.strictObject({ text: texts, sample_count: count }),
    inpaint: z.strictObject({ text: texts }),
  }),
});
interface Calls extends z.output<typeof info> {
  readonly noise: Readonly<Record<keyof z.output<typeof info>["calls"], Generator>>;
}

/** The tokenization behind each name of outputs. */
const TOKENIZATIONS = { bare: "dalle2-laion", openai: "clip" } as const;

/** Verifies the three scripts of dalle2-laion from a load config to pixels, with both tokenizations. */
export const verifyPipeline: Runner = async (fixture, _openArena, openContext) => {
  const calls = { ...fixture.info(info), noise: noiseOfCalls(fixture, ["basic", "variation", "inpaint"]) };
  const image = await photo(fixture);
  const { data: mask } = await fixture.tensor("in.mask");
  const names = await fixture.names("out.");
  const { gpu, arena } = await openContext();
  const config = await ModelLoadConfig.fromJsonPath(resolveBeside(`${fixture.folder}/fixture.json`, calls.load_config));
  // Warnings are ignored: the comparison shows whether assumptions about checkpoints are right.
  const onWarning = (): void => undefined;
  using manager = await DalleModelManager.create(config, { gpu, dtype: arena.dtype, onWarning });
  const generated = new Map<string, RgbImage>();
  for (const [style, tokenization] of Object.entries(TOKENIZATIONS)) {
    const images = generate(manager, { tokenization, onWarning }, calls, { image, mask });
    for await (const [name, image] of images) generated.set(`out.${style}.${name}`, image);
  }
  return await Promise.all(
    names.map(async (name) => ({
      name: name.slice("out.".length),
      actual: generated.get(name)?.data ?? [],
      expected: (await fixture.tensor(name)).data,
      tolerance: PIXELS[arena.dtype],
    })),
  );
};

interface Inpainted {
  readonly image: RgbImage;
  readonly mask: Float32Array;
}

/** Generates the images of every call, named by the call and by their indices in its result. */
async function* generate(
  manager: DalleModelManager,
  options: ScriptOptions,
  { prompts, noise, calls: { basic, variation, inpaint } }: Calls,
  { image, mask }: Inpainted,
): AsyncGenerator<readonly [string, RgbImage]> {
  const inferred = await new BasicInference(manager, options).run(prompts, {
    generator: noise.basic.fork(),
    priorSampleCount: basic.prior_sample_count,
    decoderSampleCount: basic.decoder_sample_count,
    decoderBatchSize: basic.decoder_batch_size,
  });
  for (const [text, byEmbedding] of inferred) yield* named(`basic.${text}`, byEmbedding);
  const variationOptions = {
    text: variation.text,
    sampleCount: variation.sample_count,
    generator: noise.variation.fork(),
  };
  yield* named("variation", await new ImageVariation(manager, options).run([image], variationOptions));
  const inpainting = new BasicInpainting(manager, options);
  yield* named("inpaint", await inpainting.run([image], [mask], inpaint.text, { generator: noise.inpaint.fork() }));
}

function named(call: string, images: ReadonlyMap<number, readonly RgbImage[]>): (readonly [string, RgbImage])[] {
  return [...images].flatMap(([input, some]) => some.map((image, i) => [`${call}.${input}.${i}`, image] as const));
}

/** Returns `in.photo`, bytes `[H, W, 3]`. */
async function photo(fixture: Fixture): Promise<RgbImage> {
  const { shape, data } = await fixture.tensor("in.photo");
  const [height = 0, width = 0] = shape;
  return makeImage(width, height, 3, Uint8Array.from(data));
}
