// The bodies of requests and answers, from which the OpenAPI document is made too.
import { z } from "@hono/zod-openapi";
import { extensionOf, type Extension } from "./extension.js";
import { PARAMETERS, type ImageRoute, type ParameterName } from "./parameters.js";

const FORMATS = ["png", "jpeg", "webp"] as const;
/** Longest prompt in characters, as of OpenAI. Models read far fewer. */
const MAX_PROMPT = 32_000;

/** A field with its description from the table. */
function field<T extends z.ZodType>(name: ParameterName, schema: T) {
  return schema.describe(PARAMETERS[name].what);
}

const ofAll = {
  model: field("model", z.string().max(200).nullish()),
  n: field("n", z.int().min(1).nullish()),
  size: field("size", z.string().max(20).nullish()).openapi({ example: "auto" }),
  response_format: field("response_format", z.enum(["url", "b64_json"]).nullish()),
  user: field("user", z.string().nullish()),
};

const byPrompt = {
  ...ofAll,
  prompt: field("prompt", z.string().min(1).max(MAX_PROMPT)),
  output_format: field("output_format", z.enum(FORMATS).nullish()),
  output_compression: field("output_compression", z.int().min(0).max(100).nullish()),
  stream: field("stream", z.boolean().nullish()),
  partial_images: field("partial_images", z.int().min(0).max(3).nullish()),
  background: field("background", z.enum(["transparent", "opaque", "auto"]).nullish()),
};

/** A file of a form. */
const file = z.custom<Uint8Array<ArrayBuffer>>((value) => value instanceof Uint8Array, "it must be a file");

function fileField(name: "image" | "mask") {
  return field(name, file).openapi({ type: "string", format: "binary" });
}

function extension(route: ImageRoute) {
  return extensionOf(route).nullish();
}

/** Body of `POST /v1/images/generations`. */
export const generationBody = z
  .strictObject({
    ...byPrompt,
    quality: field("quality", z.enum(["standard", "hd", "low", "medium", "high", "auto"]).nullish()),
    style: field("style", z.enum(["vivid", "natural"]).nullish()),
    moderation: field("moderation", z.enum(["low", "auto"]).nullish()),
    dalle2: extension("generations"),
  })
  .openapi("ImageGeneration");

/** Form of `POST /v1/images/edits`. */
export const editBody = z
  .strictObject({
    ...byPrompt,
    image: fileField("image"),
    mask: fileField("mask").optional(),
    quality: field("quality", z.enum(["standard", "low", "medium", "high", "auto"]).nullish()),
    input_fidelity: field("input_fidelity", z.enum(["high", "low"]).nullish()),
    dalle2: extension("edits"),
  })
  .openapi("ImageEdit");

/** Form of `POST /v1/images/variations`. */
export const variationBody = z
  .strictObject({ ...ofAll, image: fileField("image"), dalle2: extension("variations") })
  .openapi("ImageVariation");

/** What the bodies of all routes of images have. */
export interface ImageBody {
  readonly model?: string | null | undefined;
  readonly n?: number | null | undefined;
  readonly size?: string | null | undefined;
  readonly response_format?: "url" | "b64_json" | null | undefined;
  readonly output_format?: (typeof FORMATS)[number] | null | undefined;
  readonly output_compression?: number | null | undefined;
  readonly background?: "transparent" | "opaque" | "auto" | null | undefined;
  readonly stream?: boolean | null | undefined;
  readonly partial_images?: number | null | undefined;
  readonly quality?: string | null | undefined;
  readonly dalle2?: Extension | null | undefined;
}

const size = z.string().openapi({ example: "64x64" });

/** What an answer says of one image. */
const imageExtension = z.object({
  index: z.int().describe("Number of the image in the request, from 0."),
  seed: z.int(),
  parameters: z
    .looseObject({ script: z.string(), tuning: z.string() })
    .describe("Options of the script that generated it, with defaults filled in."),
  nativeSize: size.describe("Size that the model generated."),
  resampledFrom: size.optional().describe("If it was resampled to the size that was asked for: from which size."),
});

const image = z.object({
  b64_json: z.string().optional(),
  url: z.string().optional(),
  dalle2: imageExtension,
});

const answerExtension = z.object({
  model: z.string(),
  jobId: z.string(),
  warnings: z.array(z.string()).describe("What the caller should know: options without effect, empty masks."),
});

const outputFormat = z.enum(FORMATS);
const background = z.enum(["transparent", "opaque", "auto"]);

/** The answer with images. */
export const imagesAnswer = z
  .object({
    created: z.int().describe("Seconds since 1970."),
    background: z.literal("opaque"),
    output_format: outputFormat,
    size,
    data: z.array(image),
    dalle2: answerExtension,
  })
  .openapi("Images");
/** The answer with images. */
export type ImagesAnswer = z.infer<typeof imagesAnswer>;

const event = {
  created_at: z.int().describe("Seconds since 1970."),
  b64_json: z.string(),
  background,
  output_format: outputFormat,
  quality: z.string(),
  size,
};

const usage = z
  .object({
    input_tokens: z.literal(0),
    output_tokens: z.literal(0),
    total_tokens: z.literal(0),
    input_tokens_details: z.object({ image_tokens: z.literal(0), text_tokens: z.literal(0) }),
  })
  .describe("Always zero: nothing is counted by tokens.");

/** The events of a stream. */
export const streamEvent = z
  .union([
    z.object({
      type: z.enum(["image_generation.partial_image", "image_edit.partial_image"]),
      ...event,
      partial_image_index: z.int(),
      dalle2: z.object({ index: z.int() }),
    }),
    z.object({
      type: z.enum(["image_generation.completed", "image_edit.completed"]),
      ...event,
      usage,
      dalle2: z.object({ ...imageExtension.shape, ...answerExtension.shape }),
    }),
  ])
  .openapi("ImageEvent");
/** An event of a stream. */
export type StreamEvent = z.infer<typeof streamEvent>;

/** A model of this server. */
export const modelAnswer = z
  .object({
    id: z.string(),
    object: z.literal("model"),
    created: z.int().describe("When the server was started, in seconds since 1970."),
    owned_by: z.literal("dalle2-webgpu"),
    dalle2: z.object({ isLoaded: z.boolean().describe("Whether its weights are ready on a GPU now.") }),
  })
  .openapi("Model");

/** The models of this server. */
export const modelsAnswer = z.object({ object: z.literal("list"), data: z.array(modelAnswer) }).openapi("Models");

/** The body of every answer that is an error. */
export const errorAnswer = z
  .object({
    error: z.object({
      message: z.string().describe("What was wrong, and what to do."),
      type: z.string(),
      param: z.string().nullable().describe("Name of the parameter that is wrong, if it is one."),
      code: z.string().describe("For programs."),
    }),
  })
  .openapi("Error");
