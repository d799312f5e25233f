import { imageSizeOf } from "dalle2-webgpu/requests";
import type { AppState } from "../app-state.svelte.js";
import type { Batch, ShownImage } from "./batch.js";
import type { Size } from "./fit.js";

/** Side that is taken for images while nothing is known: that of small models, in the same proportion as those of others. */
const UNKNOWN_SIDE = 64;

/** Size that an image has, or will have. Previews are smaller than their image, so theirs does not count. */
export function sizeOf(
  { draft, session }: Pick<AppState, "draft" | "session">,
  batch: Batch,
  image?: ShownImage,
): Size {
  const kept = image?.kept ?? batch.images.find((one) => one.kept)?.kept;
  if (kept) return kept;
  const isOfChosenModel = batch.job?.choice.id === session.choice.id;
  const size = isOfChosenModel ? imageSizeOf(draft.facts, batch.job.request) : undefined;
  return size ?? { width: UNKNOWN_SIDE, height: UNKNOWN_SIDE };
}
