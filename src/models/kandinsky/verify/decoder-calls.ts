// Calls of the decoder's pipelines in fixtures.
import * as z from "zod/mini";
import { Generator } from "../../../diffusion/generator.js";
import { NoisePerImage, type NoiseSource } from "../../../diffusion/noise.js";
import type { Fixture } from "../../../fixture/fixture.js";
import { EXACT, type Output, type Tolerance } from "../../../fixture/result.js";
import { affine, clamp } from "../../../ops/elementwise.js";
import { fromPlanes } from "../../../image/image.js";
import { Dalle2Error } from "../../../platform/dalle2-error.js";
import { InternalError } from "../../../platform/internal-error.js";
import type { Arena } from "../../../tensor/arena.js";
import type { HostTensor } from "../../../tensor/host-tensor.js";
import type { Tensor } from "../../../tensor/tensor.js";
import { ddpmSchedulerOptions } from "../../diffusers/config/ddpm-scheduler-config.js";
import { DdpmScheduler } from "../../diffusers/scheduler/ddpm-scheduler.js";
import { componentConfigOf, withComponents } from "../../diffusers/verify/component.js";
import { repeated } from "../../diffusers/verify/sample-inputs.js";
import { BYTES, LOOP } from "../../diffusers/verify/tolerances.js";
import { movqOptions } from "../config/movq-config.js";
import { kandinskyUnetOptions } from "../config/unet-config.js";
import { DecoderStage } from "../decoder/decoder-stage.js";
import { KandinskyCascade } from "../decoder/kandinsky-cascade.js";
import type { Size } from "../../diffusers/latents/latents.js";

const count = z.int().check(z.positive());

/** One name of a tensor, or several. */
export const names = z.union([z.string(), z.array(z.string()).check(z.minLength(1))]);

/** The arguments that all calls have. */
export const decoderCall = z.looseObject({
  image_embeds: z.optional(z.string()),
  height: z._default(count, 512),
  width: z._default(count, 512),
  num_inference_steps: z._default(count, 100),
  guidance_scale: z._default(z.number(), 4),
  num_images_per_prompt: z._default(count, 1),
});
export type DecoderCall = z.output<typeof decoderCall>;

const seeded = z.looseObject({ torch_seeds: z.record(z.string(), z.union([z.int(), z.array(z.int())])) });

/** Runs `body` with the decoder in the model folder of a fixture. */
export async function withDecoder(
  fixture: Fixture,
  arena: Arena,
  body: (cascade: KandinskyCascade) => Promise<Output[]>,
): Promise<Output[]> {
  const { value, file } = await componentConfigOf(fixture, "scheduler", "scheduler_config.json");
  const scheduler = new DdpmScheduler(ddpmSchedulerOptions(value, file));
  return withComponents(
    fixture,
    arena,
    ["unet", "movq"],
    ([unet, movq]) => {
      const weights = { unet: unet!.weights, movq: movq!.weights };
      const options = {
        unet: kandinskyUnetOptions(unet!.value, unet!.file),
        movq: movqOptions(movq!.value, movq!.file),
        scheduler,
      };
      return new KandinskyCascade(new DecoderStage(weights, options));
    },
    body,
  );
}

/** The size that a call asks for. */
export function sizeOf({ height, width }: DecoderCall): Size {
  return [height, width];
}

/** The settings of a call. The reference guides by scales above 1 alone. */
export function settingsOf({ num_inference_steps: steps, guidance_scale: scale }: DecoderCall) {
  return { steps, condScale: Math.max(1, scale) };
}

/** The image embeddings of a call, and those to guide away from: named, or "one" or "two" rows of the fixture's. */
export async function embeddingsOf(fixture: Fixture, arena: Arena, call: DecoderCall): Promise<Embeddings> {
  const { image_embeds: which = "one", num_images_per_prompt: images } = call;
  const read = async (name: string): Promise<Tensor> => {
    const all = await fixture.tensor(name);
    const { shape, data } = repeated(which === "one" ? firstRow(all) : all, images);
    return arena.from(data, shape, "f32");
  };
  return new Embeddings(await read("in.image_embeds"), await read("in.negative_image_embeds"));
}

export class Embeddings {
  constructor(
    readonly imageEmbed: Tensor,
    readonly negativeEmbed: Tensor,
  ) {}

  /** Number of images. */
  get batch(): number {
    return this.imageEmbed.shape[0]!;
  }

  [Symbol.dispose](): void {
    this.imageEmbed.dispose();
    this.negativeEmbed.dispose();
  }
}

function firstRow({ shape: [, ...row], data }: HostTensor): HostTensor {
  return {
    shape: [1, ...row],
    data: data.subarray(
      0,
      row.reduce((product, size) => product * size, 1),
    ),
  };
}

/** The generator of a call, or one for each image. */
export function noiseOf(fixture: Fixture, name: string): NoiseSource {
  const seed = fixture.info(seeded).torch_seeds[name];
  if (seed === undefined) throw new InternalError(`The fixture has no seed of ${name}.`);
  return typeof seed === "number" ? new Generator(seed) : new NoisePerImage(seed.map((one) => new Generator(one)));
}

/** Uploads planes `[B, C, H, W]`, each image `count` times, side by side. The caller disposes them. */
export function uploadPlanes(arena: Arena, planes: HostTensor, count = 1): Tensor {
  const { shape, data } = repeated(planes, count);
  return arena.fromNchw(data, shape as [number, number, number, number], "f32");
}

/** Compares latents, and the images that are decoded from them. Disposes the latents. */
export async function imageOutputs(
  fixture: Fixture,
  arena: Arena,
  { stage }: KandinskyCascade,
  name: string,
  given: Tensor,
): Promise<Output[]> {
  using latents = given;
  using decoded = await stage.codec.decode(arena, latents);
  using images = arena.scope(() => clamp(affine(arena.share(decoded), 0.5, 0.5), 0, 1));
  const [batch = 0, height = 0, width = 0, channels = 0] = images.shape;
  const bytes = fromPlanes(await arena.readNchw(images), [batch, channels, height, width], "nearest");
  const pair = async (output: string, actual: ArrayLike<number>, tolerance: Tolerance): Promise<Output> => {
    const { data: expected } = await fixture.tensor(`out.${name}.${output}`);
    return { name: `${name}.${output}`, actual, expected, tolerance };
  };
  return [
    await pair("latents", await arena.readNchw(latents), LOOP[arena.dtype]),
    // Their channels are last in the fixture, too.
    await pair("images", await images.read(), LOOP[arena.dtype]),
    await pair(
      "uint8",
      bytes.flatMap(({ data }) => [...data]),
      BYTES[arena.dtype],
    ),
  ];
}

/** Whether a call is refused, as the reference refuses it. */
export async function refusal(name: string, run: () => Promise<Tensor>): Promise<Output> {
  return { name: `refuses ${name}`, actual: [await refuses(run)], expected: [1], tolerance: EXACT };
}

async function refuses(run: () => Promise<Tensor>): Promise<number> {
  try {
    (await run()).dispose();
    return 0;
  } catch (error) {
    if (error instanceof Dalle2Error && error.code.startsWith("argument/")) return 1;
    throw error;
  }
}
