// A form of the app as a request.
import type { Context } from "hono";
import type { z } from "@hono/zod-openapi";
import { removeAlpha } from "../../image/image.js";
import { JsonError, parseJson } from "../../platform/json.js";
import type { ImageRequest, RequestParameters } from "../../requests/request.js";
import type { ServerEnv } from "../context.js";
import { checkBody, readForm } from "../http/body.js";
import { checkFiles, readEdited, readImage, type TakesProportions } from "../http/openai/inputs.js";
import { checkPixels } from "../http/openai/size.js";
import type { ServerParts } from "../http/parts.js";
import { ServerError } from "../server-error.js";
import { jobBody } from "./schemas.js";

type Bytes = Uint8Array<ArrayBuffer>;

/** A job of the app whose fields are checked, before its images are decoded. */
export interface AskedJob {
  readonly body: z.output<typeof jobBody>;
  /** Pixels of all its images. */
  readonly pixels: number;
  /** Decodes its images. Rejects with `ServerError`. */
  readonly makeRequest: (takesProportions: TakesProportions) => Promise<ImageRequest>;
}

/** Reads the form of a job. Rejects with `ServerError`. */
export async function readJob(c: Context<ServerEnv>, { guard, settings }: ServerParts): Promise<AskedJob> {
  const { fields, files } = await readForm(c, settings);
  const body = checkBody(jobBody, requestOf(fields.get("request")));
  const images = files.get("image") ?? [];
  const [mask] = files.get("mask") ?? [];
  const [hint, ...others] = files.get("hint") ?? [];
  checkNumber(body.parameters, images.length, mask);
  if (others.length > 0) throw refused("hint", "a request takes one hint");
  const { size } = body.parameters;
  if (size !== undefined)
    checkPixels(
      "parameters.size",
      typeof size === "number" ? { width: size, height: size } : size,
      settings.maxOutputPixels,
    );
  const pixels = [...images.map((image) => ({ image })), { mask, hint }].reduce(
    (sum, one) => sum + checkFiles(guard, one),
    0,
  );
  return {
    body,
    pixels,
    makeRequest: async (takesProportions) => ({
      ...body,
      ...(await decoded(body.parameters, images, mask, takesProportions)),
      ...(hint && { hint: removeAlpha(await readImage(hint, "hint")) }),
    }),
  };
}

function requestOf(values: readonly string[] | undefined): unknown {
  const [text] = values ?? [];
  if (text === undefined) throw refused("request", "the form has no field request: the request as JSON");
  try {
    return parseJson(text);
  } catch (cause) {
    if (!(cause instanceof JsonError)) throw cause;
    throw new ServerError("bad-request", `request ${cause.message}`, { cause, param: "request" });
  }
}

/** Each task has its own number of images. */
function checkNumber({ task, isBetweenImages, prompts }: RequestParameters, count: number, mask: Bytes | undefined) {
  const needed = task === "create" ? 0 : task === "interpolate" ? (isBetweenImages === true ? 2 : 0) : 1;
  if (count !== needed) throw refused("image", `${task} takes ${needed} images here, and the form has ${count}`);
  if ((mask !== undefined) !== (task === "inpaint")) {
    throw refused("mask", mask ? `${task} takes no mask` : "inpaint needs a mask");
  }
  const texts = task === "edit" || (task === "interpolate" && isBetweenImages !== true) ? 2 : undefined;
  if (texts !== undefined && prompts.length !== texts) throw refused("parameters.prompts", `${task} takes two prompts`);
}

async function decoded(
  { task }: RequestParameters,
  files: readonly Bytes[],
  maskFile: Bytes | undefined,
  takesProportions: TakesProportions,
): Promise<Pick<ImageRequest, "images" | "mask">> {
  if (task === "inpaint") {
    const { image, mask } = await readEdited(files[0]!, maskFile, takesProportions);
    return { images: [image], mask };
  }
  const images = [];
  for (const file of files) images.push(removeAlpha(await readImage(file, "image")));
  return { images };
}

function refused(param: string, message: string): ServerError {
  return new ServerError("bad-request", `${message}.`, { param });
}
