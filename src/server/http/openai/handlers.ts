// The handlers of the routes of OpenAI's API.
import type { Context } from "hono";
import type { ImageRequest } from "../../../requests/request.js";
import type { ServerEnv } from "../../context.js";
import { ServerError } from "../../server-error.js";
import { callSignal } from "../call.js";
import { checkBody, readForm, readJson } from "../body.js";
import type { ServerParts } from "../parts.js";
import type { PixelBudget } from "../pixel-budget.js";
import { imagesAnswerOf, now } from "./answer.js";
import { bodyOfForm } from "./form-body.js";
import { hintFile } from "./extension.js";
import { identityOf, modelOf, runCall, type ImageCall } from "./image-call.js";
import { checkFiles, readEdited, readImage, textOf, type UploadedFiles } from "./inputs.js";
import { outputOf, type Output } from "./output.js";
import type { ImageRoute } from "./parameters.js";
import { editRequest, generationRequest, variationRequest } from "./requests.js";
import { editBody, generationBody, variationBody, type ImageBody } from "./schemas.js";
import { hasManySizes } from "./size.js";
import { streamImages } from "./stream.js";
import { removeAlpha } from "../../../image/image.js";

type Handler = (c: Context<ServerEnv>) => Promise<Response>;

/** A call whose body is checked, before its files are decoded. */
interface CheckedCall {
  readonly route: ImageRoute;
  readonly body: ImageBody;
  readonly files: UploadedFiles;
  /** Makes its request. `seed` is for bodies that name none. */
  readonly makeRequest: (seed: number, call: CallFacts) => ImageRequest | Promise<ImageRequest>;
}

/** What is known of a call before its request is made. */
interface CallFacts {
  readonly model: string;
  readonly signal: AbortSignal;
  /** Tells the caller something beside the images. */
  readonly warn: (message: string) => void;
}

/** The name of the hint in bodies. */
const HINT = "dalle2.hint";

/** What all calls share. */
interface AnswerContext {
  readonly parts: ServerParts;
  readonly pixels: PixelBudget;
}

/** The handlers of the routes of images and models. */
export interface OpenAIHandlers extends Readonly<Record<ImageRoute, Handler>> {
  readonly models: Handler;
  readonly model: Handler;
}

/** Makes the handlers. `pixels` bounds the images that are held at once. */
export function openAIHandlers(parts: ServerParts, pixels: PixelBudget): OpenAIHandlers {
  const { settings, observe } = parts;
  const context: AnswerContext = { parts, pixels };
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
      return answer(c, context, {
        route: "generations",
        body,
        files: {},
        makeRequest: (seed) => generationRequest(body, seed),
      });
    },
    edits: async (c) => {
      const body = checkBody(editBody, bodyOfForm(await readForm(c, settings)));
      const { image, mask } = body;
      const makeRequest: CheckedCall["makeRequest"] = async (seed, { model, signal }) => {
        const takesProportions = async () => hasManySizes(await observe.runner.describe(model, signal));
        return editRequest(body, await readEdited(image, mask, takesProportions), seed);
      };
      return answer(c, context, { route: "edits", body, files: { image, mask }, makeRequest });
    },
    variations: async (c) => {
      const body = checkBody(variationBody, bodyOfForm(await readForm(c, settings)));
      const { image } = body;
      const makeRequest: CheckedCall["makeRequest"] = async (seed, { model, signal, warn }) => {
        const text = body.dalle2?.text ?? (await textOf(image, await observe.runner.describe(model, signal), warn));
        return variationRequest(body, removeAlpha(await readImage(image, "image")), text, seed);
      };
      return answer(c, context, { route: "variations", body, files: { image }, makeRequest });
    },
  };
}

/** Answers a call for images: at once, or as a stream. */
async function answer(c: Context<ServerEnv>, context: AnswerContext, call: CheckedCall): Promise<Response> {
  const { parts, pixels } = context;
  const { route, body } = call;
  const output = outputOf(body, parts.settings.maxOutputPixels);
  const model = await modelOf(parts, body.model);
  const { key, id: jobId, seed } = identityOf(c, parts);
  const timed = callSignal(c, parts.settings.deadlineMs);
  const release = [timed.end];
  const end = () => {
    for (const one of release.splice(0)) one();
  };
  try {
    const hint = hintFile(body.dalle2 ?? {});
    release.push(pixels.hold(checkFiles(parts.guard, { ...call.files, hint }, { hint: HINT })));
    const warnings: string[] = [];
    const facts = { model, signal: timed.signal, warn: (message: string) => void warnings.push(message) };
    const made = await call.makeRequest(body.dalle2?.seed ?? seed, facts);
    const request = await hinted(await sized(parts, made, output, facts), hint);
    const image: ImageCall = { route, body, model, key, jobId, request, warnings };
    if (body.stream && route !== "variations") {
      return await streamImages(c, parts, { ...image, route }, output, { signal: timed.signal, end });
    }
    return await answerAtOnce(c, parts, image, output, timed.signal);
  } catch (error) {
    end();
    throw error;
  } finally {
    if (!body.stream) end();
  }
}

/** The request with what its images follow. Rejects with `ServerError`. */
async function hinted(request: ImageRequest, file: UploadedFiles["hint"]): Promise<ImageRequest> {
  if (!file) return request;
  return { ...request, hint: removeAlpha(await readImage(file, HINT)), hintName: "hint" };
}

/** The request with the size of its answer, if its model generates images of many sizes. Others are resampled to it. */
async function sized(
  { observe }: ServerParts,
  request: ImageRequest,
  { size }: Output,
  { model, signal }: CallFacts,
): Promise<ImageRequest> {
  if (size === undefined || !hasManySizes(await observe.runner.describe(model, signal))) return request;
  return { ...request, parameters: { ...request.parameters, size } };
}

async function answerAtOnce(
  c: Context<ServerEnv>,
  parts: ServerParts,
  image: ImageCall,
  output: Output,
  signal: AbortSignal,
): Promise<Response> {
  const begun = performance.now();
  const result = await runCall(c, parts, image, { signal, events: {} });
  const base = parts.settings.publicUrl ?? new URL(c.req.url).origin;
  const { answer: made, resampledFrom } = await imagesAnswerOf(parts, image, result, output, base);
  if (resampledFrom !== undefined) c.header("x-dalle2-resampled-from", resampledFrom);
  if (result.isRepeat) c.header("idempotent-replayed", "true");
  c.header("openai-processing-ms", String(Math.round(performance.now() - begun)));
  return c.json(made);
}
