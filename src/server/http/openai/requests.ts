// What bodies ask for, as requests of the library.
import type { RgbImage } from "../../../image/image.js";
import type { ImageRequest, RequestParameters } from "../../../requests/request.js";
import { ServerError } from "../../server-error.js";
import { samplingOf, type Extension } from "./extension.js";
import type { InputImage } from "./inputs.js";
import type { ImageBody } from "./schemas.js";

interface Prompted extends ImageBody {
  readonly prompt: string;
}

type Shared = Omit<RequestParameters, "task" | "prompts" | "frames">;

function shared({ n, dalle2 }: ImageBody, seed: number): Shared {
  const extension = dalle2 ?? {};
  return { ...samplingOf(extension), negative: extension.negativePrompt, count: n ?? 1, seed };
}

/** `create`: images from a prompt. */
export function generationRequest(body: Prompted, seed: number): ImageRequest {
  return { parameters: { ...shared(body, seed), task: "create", prompts: [body.prompt] }, images: [] };
}

/** `variations` of an image. `text` says what it shows, for decoders that take text. */
export function variationRequest(
  body: ImageBody,
  image: RgbImage,
  text: string | undefined,
  seed: number,
): ImageRequest {
  const prompts = text === undefined ? [] : [text];
  return { parameters: { ...shared(body, seed), task: "variations", prompts }, images: [image], imageNames: ["image"] };
}

/** `inpaint`, where something is transparent; else an edit by text, if the extension says from which. Throws `ServerError`. */
export function editRequest(body: Prompted, { image, mask }: InputImage, seed: number): ImageRequest {
  const { from, strength, resampleTimes } = body.dalle2 ?? {};
  const inputs = { images: [image], imageNames: ["image"] };
  if (mask) {
    refuse("With a mask", { from, strength });
    const parameters = { ...shared(body, seed), task: "inpaint", prompts: [body.prompt], resampleTimes } as const;
    return { parameters, ...inputs, mask };
  }
  if (from === undefined) {
    const message =
      "Nothing of image is transparent, and there is no mask: nothing would be generated. Send a mask, or say in dalle2.from what the image shows, to edit it by text as a whole.";
    throw new ServerError("bad-request", message, { param: "mask" });
  }
  const { prior, negative, ...settings } = shared(body, seed);
  refuse("Without a mask", { resampleTimes, negativePrompt: negative, ...ofPrior(body.dalle2 ?? {}) });
  // Several images of an edit go from weak to strong.
  const parameters: RequestParameters = {
    ...settings,
    prior,
    task: "edit",
    prompts: [from, body.prompt],
    strength,
    frames: settings.count,
  };
  return { parameters, ...inputs };
}

function ofPrior({ priorSteps, priorCondScale, priorSampler, candidates }: Extension): Extension {
  return { priorSteps, priorCondScale, priorSampler, candidates };
}

/** Throws for fields of the extension that would change nothing. */
function refuse(when: string, fields: Extension): void {
  const [name] = Object.entries(fields).find(([, value]) => value !== undefined) ?? [];
  if (name === undefined) return;
  throw new ServerError("bad-request", `${when}, dalle2.${name} would change nothing.`, { param: `dalle2.${name}` });
}
