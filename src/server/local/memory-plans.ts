import type { ImageSize } from "../../pipeline/canvas-options.js";
import type { ImageRequest } from "../../requests/request.js";
import { imageSizeOf } from "../../requests/request-canvas.js";
import type { HostDevice, ModelMemory } from "./host-device.js";
import type { KnownModel } from "./model-shelf.js";

/** Plans that are kept: those that were used last. */
const MOST_PLANS = 64;

/** A plan, which is made once. */
interface Plan {
  readonly made: Promise<ModelMemory>;
  /** Undefined until it is made. */
  memory: ModelMemory | undefined;
}

/** GPU memory of models for images of other sizes than their own. */
export class MemoryPlans {
  readonly #plans = new Map<string, Plan>();

  /** Plans the memory for the images of a request, if it has to be. Rejects as `openDevice` and `HostDevice.planMemory`. */
  async make(
    openDevice: () => Promise<Pick<HostDevice, "planMemory">>,
    known: KnownModel,
    request: ImageRequest,
  ): Promise<void> {
    const size = otherSize(known, request);
    if (!size) return;
    const key = keyOf(known, size);
    let plan = this.#plans.get(key);
    if (plan) this.#plans.delete(key);
    else {
      const { hosted, facts } = known;
      plan = {
        made: openDevice().then((device) => device.planMemory(hosted, facts.dtype, size)),
        memory: undefined,
      };
      const [oldest] = this.#plans.keys();
      if (this.#plans.size >= MOST_PLANS && oldest !== undefined) this.#plans.delete(oldest);
    }
    // The last of a map is the newest.
    this.#plans.set(key, plan);
    try {
      plan.memory = await plan.made;
    } catch (error) {
      if (this.#plans.get(key) === plan) this.#plans.delete(key);
      throw error;
    }
  }

  /** The memory for the images of a request; without a plan, that for images of the model's own size. */
  of(known: KnownModel, request: ImageRequest): ModelMemory {
    const size = otherSize(known, request);
    return (size && this.#plans.get(keyOf(known, size))?.memory) ?? known.facts.memory;
  }

  /** The same text for requests whose images take the same memory. */
  keyOf(known: KnownModel, request: ImageRequest): string {
    return keyOf(known, otherSize(known, request));
  }
}

/** The size of the images of a request, if it is not the model's own. */
function otherSize({ facts: { decoder } }: KnownModel, request: ImageRequest): ImageSize | undefined {
  const [first] = decoder?.unets ?? [];
  const size = imageSizeOf(decoder, request);
  if (first?.sizeUnit === undefined || !size) return undefined;
  return size.width === first.imageSize && size.height === first.imageSize ? undefined : size;
}

function keyOf({ hosted: { name } }: KnownModel, size: ImageSize | undefined): string {
  return JSON.stringify([name, size?.width, size?.height]);
}
