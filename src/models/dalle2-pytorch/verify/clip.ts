import * as z from "zod/mini";
import { adapterConfig } from "../../clip/config/adapter-config.js";
import { createClip } from "../../clip/create.js";
import type { Arena } from "../../../tensor/arena.js";
import type { ClipModel } from "../../clip/clip-model.js";
import type { Fixture } from "../../../fixture/fixture.js";
import type { HostTensor } from "../../../tensor/host-tensor.js";
import { FORWARD, type Output } from "../../../fixture/result.js";
import { pairOutputs } from "../../../fixture/run-model.js";
import type { DialectRunner } from "./reference-dialect.js";

const info = z.looseObject({ clip: adapterConfig });

/** Computes embeddings and encodings of texts, with and without start and end tokens, and of images. */
export const verifyClip: DialectRunner = async (fixture, openArena, dialect) => {
  const config = { ...fixture.info(info).clip, kwargsPlace: fixture.place("clip", "base_model_kwargs") };
  const arena = await openArena();
  const { clip, weights } = createClip(config, await fixture.checkpoint(), arena, dialect.network);
  using store = weights;
  await store.load();
  return [
    ...(await textOutputs(fixture, arena, clip, "")),
    ...((await fixture.has("in.tokens_bare")) ? await textOutputs(fixture, arena, clip, "_bare") : []),
    ...(await imageOutputs(fixture, arena, clip)),
  ];
};

async function textOutputs(fixture: Fixture, arena: Arena, clip: ClipModel, suffix: string): Promise<Output[]> {
  const tokens = await fixture.tensor(`in.tokens${suffix}`);
  const { textEmbed, textEncodings } = await clip.embedText(arena, rows(tokens));
  const outputs = { [`text_embed${suffix}`]: textEmbed, [`text_encodings${suffix}`]: textEncodings };
  return pairOutputs(fixture, outputs, FORWARD[arena.dtype]);
}

async function imageOutputs(fixture: Fixture, arena: Arena, clip: ClipModel): Promise<Output[]> {
  const { data, shape } = await fixture.tensor("in.image");
  const image = shape as readonly [number, number, number, number];
  const embedded = arena.scope(() => clip.embedImage(arena.fromNchw(data, image, "f32")));
  return pairOutputs(fixture, { image_embed: embedded }, FORWARD[arena.dtype]);
}

function rows({ shape, data }: HostTensor): Int32Array[] {
  const [count = 0, length = 0] = shape;
  return Array.from({ length: count }, (_, i) => Int32Array.from(data.subarray(i * length, (i + 1) * length)));
}
