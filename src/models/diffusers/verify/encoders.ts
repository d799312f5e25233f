import * as z from "zod/mini";
import { plainFolder } from "../../../files/folder/plain-folder.js";
import type { Fixture } from "../../../fixture/fixture.js";
import { EXACT, type Output, type Tolerance } from "../../../fixture/result.js";
import { pairOutputs } from "../../../fixture/run-model.js";
import type { Runner } from "../../../fixture/runner.js";
import { makeImage, toPlanes, type RgbImage } from "../../../image/image.js";
import { ClipTokenizer } from "../../../tokenizer/clip-tokenizer.js";
import { fittedRows } from "../../clip/text-input.js";
import { readTokenizer } from "../../clip/transformers/tokenizer.js";
import { declareImageEncoder, declareTextEncoder, ENCODERS, type EncoderComponents } from "../clip-encoders.js";
import type { WeightsFolder } from "../component-weights.js";
import { numberOf } from "./sample-inputs.js";
import { repeatBatch } from "../../../ops/layout.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Tolerances } from "./tolerances.js";

const info = z.looseObject({ model: z.string(), variant: z.nullish(z.string()) });
const tokenizerInfo = z.looseObject({ prompts: z.array(z.string()) });

/** Normalised pixels, in f32 on every device. */
const PIXEL_VALUES: Tolerance = { maxRelative: 1e-6 };

/** No fixture of an encoder has a tokenizer: its rows of tokens are complete. */
const NO_TOKENIZER = new ClipTokenizer({
  ids: new Map(),
  merges: [],
  start: 0,
  end: 0,
  unknown: 0,
  padding: 0,
  added: new Map(),
});

/** The runner that encodes rows of tokens, by an encoder with a projection unless `projects` is false. */
export function textEncoderRunner(forward: Tolerances, projects = true): Runner {
  return async (fixture, openArena) => {
    const { shape, data } = await fixture.tensor("in.input_ids");
    const [count = 0, length = 0] = shape;
    const rows = Array.from({ length: count }, (_, i) => Int32Array.from(data.subarray(i * length, (i + 1) * length)));
    const arena = await openArena();
    const tokens = { tokenizer: NO_TOKENIZER, maxLength: length };
    const { encoder, store, checkpoint } = await declareTextEncoder(modelFolder(fixture), arena, { projects }, tokens);
    fixture.keep(checkpoint);
    using loaded = store;
    await loaded.load();
    const { textEmbed, textEncodings } = await encoder.embedText(arena, rows);
    if (!projects) textEmbed.dispose();
    const outputs = { last_hidden_state: textEncodings, ...(projects && { text_embeds: textEmbed }) };
    return await pairOutputs(fixture, outputs, forward[arena.dtype]);
  };
}

/** The runner that resizes, crops, normalises and encodes images of different sizes, and no image. */
export function imageEncoderRunner(forward: Tolerances, names: EncoderComponents = ENCODERS): Runner {
  return async (fixture, openArena) => {
    const photoNames = (await fixture.names("in.photo.")).toSorted((a, b) => numberOf(a) - numberOf(b));
    const arena = await openArena();
    const { encoder, store, checkpoint } = await declareImageEncoder(modelFolder(fixture), arena, { names });
    fixture.keep(checkpoint);
    using loaded = store;
    await loaded.load();
    const photos = await Promise.all(photoNames.map((name) => imageOf(fixture, name)));
    const planes = Float32Array.from(photos.flatMap((photo) => [...toPlanes(encoder.preprocess(photo))]));
    const side = encoder.imageSize;
    const { pixels, tokens, embed } = arena.scope(() => {
      const normalised = encoder.normalise(arena.fromNchw(planes, [photos.length, 3, side, side], "f32"));
      return { pixels: normalised, ...encoder.encode(normalised) };
    });
    const zeros = await fixture.tensorIfAny("out.zero_embeds");
    const nothing: Record<string, Tensor> = zeros
      ? { zero_embeds: arena.scope(() => repeatBatch(encoder.embedNull(arena), zeros.shape[0]!)) }
      : {};
    return [
      ...(await pairOutputs(fixture, { pixel_values: pixels }, PIXEL_VALUES)),
      ...(await pairOutputs(fixture, { last_hidden_state: tokens, image_embeds: embed }, forward[arena.dtype])),
      ...(await pairOutputs(fixture, nothing, forward[arena.dtype])),
    ];
  };
}

/** Tokenizes prompts. */
export const verifyTokenizer: Runner = async (fixture) => {
  const { prompts } = fixture.info(tokenizerInfo);
  const expected = await fixture.tensor("out.input_ids");
  const masks = await fixture.tensor("out.attention_mask");
  const length = expected.shape[1]!;
  const { tokenizer, maxLength } = await readTokenizer(modelFolder(fixture), "tokenizer");
  // Truncation is part of the fixture.
  const rows = tokenizer.tokenize(prompts, maxLength, { warn: () => undefined });
  const padded = fittedRows(rows, length, tokenizer.padding);
  return prompts.flatMap((prompt, i): Output[] => {
    const [start, end] = [i * length, (i + 1) * length];
    const mask = padded[i]!.map((_, place) => Number(place < rows[i]!.length));
    const name = JSON.stringify(prompt);
    return [
      { name: `tokens of ${name}`, actual: padded[i]!, expected: expected.data.subarray(start, end), tolerance: EXACT },
      { name: `mask of ${name}`, actual: mask, expected: masks.data.subarray(start, end), tolerance: EXACT },
    ];
  });
};

/** The model folder of a fixture. */
function modelFolder(fixture: Fixture): WeightsFolder {
  const { model, variant } = fixture.info(info);
  const folder = plainFolder(fixture.location(model));
  return {
    name: folder.name,
    has: (path) => folder.has(path),
    open: (path) => folder.open(path),
    prefersF16: variant === "fp16",
  };
}

async function imageOf(fixture: Fixture, name: string): Promise<RgbImage> {
  const { shape, data } = await fixture.tensor(name);
  const [height = 0, width = 0] = shape;
  return makeImage(width, height, 3, Uint8Array.from(data));
}
