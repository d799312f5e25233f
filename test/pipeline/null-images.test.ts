import { expect, it, vi } from "vitest";
import type { Cascade, CascadeStage } from "../../src/models/interfaces.js";
import { negativeImagesOf } from "../../src/pipeline/null-images.js";

const noImage = { shape: [2], data: Float32Array.of(1, 2) };
const given = [{ shape: [2], data: Float32Array.of(3, 4) }];

/** A cascade of stages that take image embeddings, or do not. */
function cascadeOf(takesNullImage: boolean, ...takes: readonly boolean[]): Pick<Cascade, "stages" | "takesNullImage"> {
  const stages = takes.map((takesImageEmbed) => ({ info: { takesImageEmbed } }) as CascadeStage);
  return { stages, takesNullImage };
}

const [guided, not] = [
  { condScale: 4, steps: 1 },
  { condScale: 1, steps: 1 },
];

it.each([
  ["a guided decoder without a null embedding", cascadeOf(true, true), {}, [guided], [noImage, noImage]],
  ["one that is not guided", cascadeOf(true, true), {}, [not], undefined],
  ["one with a null embedding of its own", cascadeOf(false, true), {}, [guided], undefined],
  ["a call that gives some", cascadeOf(true, true), { negativeImageEmbed: given }, [guided], given],
  ["stages that take none", cascadeOf(true, true, false), { startAtUnetNumber: 2 }, [guided, guided], undefined],
  ["the only guided stage", cascadeOf(true, true, true), { startAtUnetNumber: 2 }, [not, guided], [noImage, noImage]],
  ["a guided stage that does not run", cascadeOf(true, true, true), { stopAtUnetNumber: 1 }, [not, guided], undefined],
] as const)("for %s", async (_, decoder, options, settings, expected) => {
  const embedNull = vi.fn(() => Promise.resolve(noImage));
  expect(await negativeImagesOf(decoder, options, settings, { inputs: 2, embedNull })).toEqual(expected);
  expect(embedNull).toHaveBeenCalledTimes(expected?.[0] === noImage ? 1 : 0);
});
