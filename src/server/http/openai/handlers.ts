// The handlers of the routes of OpenAI's API.
import type { Context } from "hono";
import type { ImageRequest } from "../../../requests/request.js";
import type { ServerEnv } from "../../context.js";
import { ServerError } from "../../server-error.js";
import { callSignal } from "../call.js";
import { checkBody, readForm, readJson } from "../body.js";
import type { ServerParts } from "../parts.js";
import { PixelBudget } from "../pixel-budget.js";
import { imagesAnswerOf, now } from "./answer.js";
import { bodyOfForm } from "./form-body.js";
import { identityOf, modelOf, runCall, type ImageCall } from "./image-call.js";
import { readEdited, readImage } from "./inputs.js";
import { outputOf } from "./output.js";
import type { ImageRoute } from "./parameters.js";
import { editRequest, generationRequest, variationRequest } from "./requests.js";
import { editBody, generationBody, variationBody, type ImageBody } from "./schemas.js";
import { streamImages } from "./stream.js";
import { removeAlpha } from "../../../image/image.js";

type Handler = (c: Context<ServerEnv>) => Promise<Response>;

/** Makes the request of a body. `seed` is for bodies that name none. */
type MakeRequest = (seed: number) => ImageRequest | Promise<ImageRequest>;

/** The handlers of the routes of images and models. */
export interface OpenAIHandlers extends Readonly<Record<ImageRoute, Handler>> {
  readonly models: Handler;
  readonly model: Handler;
}

/** Makes the handlers. */
export function openAIHandlers(parts: ServerParts): OpenAIHandlers {
  const { guard, settings, observe } = parts;
  const pixels = new PixelBudget(settings.maxPixelsAtOnce);
  const started = now();
  const listed = async () =>
    (await observe.runner.models()).map(({ name, isLoaded }) => ({
      id: name,
      object: "model" as const,
      created: started,
      owned_by: "dalle2-webgpu" as const,
      dalle2: { isLoaded },
    }));
  return {
    models: async (c) => c.json({ object: "list", data: await listed() }),
    model: async (c) => {
      const name = c.req.param("model") ?? "";
      const model = (await listed()).find(({ id }) => id === name);
      if (!model)
        throw new ServerError("unknown-model", `There is no model ${JSON.stringify(name)} here.`, { param: "model" });
      return c.json(model);
    },
    generations: async (c) => {
      const body = checkBody(generationBody, await readJson(c));
      return answer(c, parts, pixels, "generations", body, (seed) => generationRequest(body, seed));
    },
    edits: async (c) => {
      const body = checkBody(editBody, bodyOfForm(await readForm(c, settings)));
      return answer(c, parts, pixels, "edits", body, async (seed) =>
        editRequest(body, await readEdited(guard, body.image, body.mask), seed),
      );
    },
    variations: async (c) => {
      const body = checkBody(variationBody, bodyOfForm(await readForm(c, settings)));
      return answer(c, parts, pixels, "variations", body, async (seed) =>
        variationRequest(body, { image: removeAlpha(await readImage(guard, body.image, "image")) }, seed),
      );
    },
  };
}

/** Answers a call for images: at once, or as a stream. */
async function answer(
  c: Context<ServerEnv>,
  parts: ServerParts,
  pixels: PixelBudget,
  route: ImageRoute,
  body: ImageBody,
  makeRequest: MakeRequest,
): Promise<Response> {
  const begun = performance.now();
  const { settings } = parts;
  const output = outputOf(body, settings.maxOutputPixels);
  const model = await modelOf(parts, body.model);
  const { key, id: jobId, seed } = identityOf(c, parts);
  const timed = callSignal(c, settings.deadlineMs);
  const release: (() => void)[] = [timed.end];
  const end = () => {
    for (const one of release.splice(0)) one();
  };
  try {
    const request = await makeRequest(body.dalle2?.seed ?? seed);
    release.push(pixels.hold(request.images.reduce((sum, { width, height }) => sum + width * height, 0)));
    const call: ImageCall = { route, body, model, key, jobId, request };
    if (body.stream && route !== "variations") {
      return await streamImages(c, parts, { ...call, route }, output, { signal: timed.signal, end });
    }
    const result = await runCall(c, parts, call, { signal: timed.signal, events: {} });
    const made = await imagesAnswerOf(parts, call, result, output, settings.publicUrl ?? new URL(c.req.url).origin);
    end();
    if (made.resampledFrom !== undefined) c.header("x-dalle2-resampled-from", made.resampledFrom);
    if (result.isRepeat) c.header("idempotent-replayed", "true");
    c.header("openai-processing-ms", String(Math.round(performance.now() - begun)));
    return c.json(made.answer);
  } catch (error) {
    end();
    throw error;
  }
}
