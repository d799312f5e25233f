import type { TimestepPair } from "../../diffusion/sampler.js";
import { linspace } from "../../diffusion/schedule.js";
import type { SamplerDialect } from "./dialect/flags.js";

/**
 * The decoder's DDIM steps: `steps` evaluations from near `timesteps` down to a last step that ends at 0 (Decoder of
 * DALLE2-pytorch since 0.19.1). Steps that stay at the same time because of rounding are left out unless `allPairs`.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L2936-L2940
 */
export function decoderTimeGrid(
  timesteps: number,
  steps: number,
  kind: SamplerDialect["ddimGridDecoder"],
): TimestepPair[] {
  const pairs = pairsDownward(gridTimes(0, timesteps, steps + 2));
  return kind === "allPairs" ? pairs : pairs.filter(({ timestep, next }) => timestep > next);
}

/**
 * The prior's DDIM steps. `toMinusOne` (since 1.10.3): `steps` - 1 evaluations, the last of which gives the clean sample.
 * `asDecoder` (0.19.1 to 1.10.2): all pairs of the decoder's grid.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L1311-L1314
 */
export function priorTimeGrid(timesteps: number, steps: number, kind: SamplerDialect["ddimGridPrior"]): TimestepPair[] {
  if (kind === "asDecoder") return decoderTimeGrid(timesteps, steps, "allPairs");
  return pairsDownward(gridTimes(-1, timesteps, steps + 1));
}

/** `count` points from `start` to `timesteps`, without the last, in float32 and then truncated to integers. */
function gridTimes(start: number, timesteps: number, count: number): number[] {
  return linspace(start, timesteps, count, Math.fround).slice(0, -1).map(Math.trunc);
}

function pairsDownward(ascending: readonly number[]): TimestepPair[] {
  const times = ascending.toReversed();
  return times.slice(1).map((next, i) => ({ timestep: times[i]!, next }));
}
