import * as z from "zod/mini";
import type { Fixture } from "../../../fixture/fixture.js";
import type { Output } from "../../../fixture/result.js";
import type { Runner } from "../../../fixture/runner.js";
import type { Arena } from "../../../tensor/arena.js";
import type { HostTensor } from "../../../tensor/host-tensor.js";
import { FormatError } from "../../../weights/errors.js";
import { priorOptions } from "../../diffusers/config/prior-config.js";
import { UnclipPrior } from "../../diffusers/prior/unclip-prior.js";
import { withComponent } from "../../diffusers/verify/component.js";
import {
  recordedNoise,
  repeated,
  schedulerOf,
  uploadText,
  type HostText,
} from "../../diffusers/verify/sample-inputs.js";
import { PRIOR_LOOP } from "../../diffusers/verify/tolerances.js";
import { PRIOR_OPTIONS } from "../prior-options.js";

const text = z.string();
const call = z.looseObject({
  prompt: z.array(text),
  negative_prompt: z.optional(z.array(text)),
  image: z.optional(z.string()),
  strength: z._default(z.number(), 0.3),
  num_inference_steps: z._default(z.int(), 25),
  guidance_scale: z._default(z.number(), 4),
  num_images_per_prompt: z._default(z.int().check(z.positive()), 1),
});
type Call = z.output<typeof call>;

const info = z.looseObject({ texts: z.array(text), calls: z.record(z.string(), call) });

/** Runs the prior's sampling loop with the noise of the reference: of texts, with negative prompts, and from image embeddings. */
export const verifyPriorSample: Runner = async (fixture, openArena) => {
  const scheduler = await schedulerOf(fixture, "scheduler");
  const arena = await openArena();
  return withComponent(
    fixture,
    arena,
    "prior",
    (weights, { value, file }) =>
      new UnclipPrior(weights, { ...PRIOR_OPTIONS, network: priorOptions(value, file), scheduler }),
    async (prior) => {
      const outputs: Output[] = [];
      for (const [name, one] of Object.entries(fixture.info(info).calls)) {
        outputs.push(...(await runCall(fixture, arena, prior, name, one)));
      }
      return outputs;
    },
  );
};

async function runCall(
  fixture: Fixture,
  arena: Arena,
  prior: UnclipPrior,
  name: string,
  { prompt, negative_prompt: negative, image, ...options }: Call,
): Promise<Output[]> {
  const { num_images_per_prompt: images, guidance_scale: scale } = options;
  const texts = await textsOf(fixture, prompt);
  const other = await textsOf(fixture, negative ?? prompt.map(() => ""));
  const own = uploadText(arena, texts, images);
  const guidedBy = uploadText(arena, other, images);
  const rows = prompt.length * images * (negative ? 2 : 1);
  const init = image === undefined ? undefined : tiled(repeated(await fixture.tensor(image), images), rows);
  const initEmbed = init && arena.from(init.data, init.shape, "f32");
  const values = await prior.sample(arena, {
    ...own,
    negative: guidedBy,
    embedsNegative: negative !== undefined,
    initEmbed,
    strength: options.strength,
    steps: options.num_inference_steps,
    // The reference guides by scales above 1 alone.
    condScale: Math.max(1, scale),
    noise: await recordedNoise(fixture, name),
  });
  for (const tensor of [own, guidedBy].flatMap((one) => [one.textEmbed, one.textEncodings])) tensor.dispose();
  initEmbed?.dispose();
  const half = negative ? values.length / 2 : values.length;
  const pair = async (output: string, actual: Float32Array): Promise<Output> => {
    const { data: expected } = await fixture.tensor(`out.${name}.${output}`);
    return { name: `${name}.${output}`, actual, expected, tolerance: PRIOR_LOOP[arena.dtype] };
  };
  const outputs = [await pair("image_embeds", values.subarray(0, half))];
  return negative ? [...outputs, await pair("negative_image_embeds", values.subarray(half))] : outputs;
}

/** Encoded texts of the fixture, by their names. */
async function textsOf(fixture: Fixture, names: readonly string[]): Promise<HostText> {
  const { texts } = fixture.info(info);
  const rows = names.map((name) => texts.indexOf(name));
  if (rows.includes(-1))
    throw new FormatError(`${fixture.folder}/fixture.json`, `texts lacks one of ${names.join(", ")}`);
  const pick = async (tensor: string) => rowsOf(await fixture.tensor(tensor), rows);
  return {
    embed: await pick("in.prompt_embeds"),
    encodings: await pick("in.text_hidden_states"),
    mask: await pick("in.text_mask"),
  };
}

function rowsOf({ shape: [batch = 0, ...row], data }: HostTensor, rows: readonly number[]): HostTensor {
  const size = data.length / batch;
  const values = new Float32Array(rows.length * size);
  for (const [i, from] of rows.entries()) values.set(data.subarray(from * size, (from + 1) * size), i * size);
  return { shape: [rows.length, ...row], data: values };
}

/** A batch repeated as a whole until it has that many rows. */
function tiled({ shape: [batch = 0, ...row], data }: HostTensor, rows: number): HostTensor {
  const { data: values } = repeated({ shape: [1, data.length], data }, Math.max(1, rows / batch));
  return { shape: [Math.max(rows, batch), ...row], data: values };
}
