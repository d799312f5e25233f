// What the app sends and gets, from which the OpenAPI document is made too.
import { z } from "@hono/zod-openapi";
import { MAX_SIDE } from "../../pipeline/canvas.js";
import { SAMPLER_NAMES } from "../../diffusion/samplers.js";
import { MAX_SEED } from "../../requests/images.js";
import { TASKS } from "../../requests/request.js";

/** Most characters of a prompt, and of all that a request may name. */
const [MAX_TEXT, MAX_PROMPTS] = [32_000, 64];
const [MAX_STEPS, MAX_NOISE_LEVEL] = [1000, 999];

const steps = z.int().min(1).max(MAX_STEPS);
const sampling = z.strictObject({ steps: steps.optional(), condScale: z.number().min(-100).max(100).optional() });
const side = z.int().min(1).max(MAX_SIDE);
const sampler = z.enum(SAMPLER_NAMES);

/** `RequestParameters`. */
const parameters = z
  .strictObject({
    task: z.enum(TASKS),
    prompts: z.array(z.string().max(MAX_TEXT)).max(MAX_PROMPTS),
    negative: z.string().max(MAX_TEXT).optional(),
    count: z.int().min(1).max(1000).describe("Images for each prompt, or for each input image."),
    seed: z.int().min(0).max(MAX_SEED).describe("Seed of the first image; each later one has the next."),
    prior: z.strictObject({
      ...sampling.shape,
      sampler: sampler.optional(),
      candidates: z.int().min(1).max(16).optional(),
    }),
    unets: z.array(sampling).max(8).describe("For each U-Net in order. Empty: the model's defaults, or `decoder`."),
    decoder: sampling.optional(),
    sampler: sampler.optional(),
    noiseLevel: z
      .int()
      .min(0)
      .max(MAX_NOISE_LEVEL)
      .optional()
      .describe("Noise on image embeddings. Only Stable unCLIP takes it."),
    frames: z.int().min(1).max(1000).optional(),
    isBetweenImages: z.boolean().optional(),
    strength: z.number().min(0).max(1).optional(),
    resampleTimes: z.int().min(1).max(20).optional(),
    startAtUnetNumber: z.int().min(1).max(8).optional(),
    size: z
      .union([side, z.strictObject({ width: side, height: side })])
      .optional()
      .describe(
        "Pixels of the images, for models of many sizes; a number is the side of squares. Default: the model's own.",
      ),
  })
  .openapi("RequestParameters");

/** The field `request` of the form of `POST /api/jobs`, as JSON. */
export const jobBody = z
  .strictObject({
    model: z.string().max(200).describe("Name of a model of this server."),
    parameters,
    imageNames: z.array(z.string().max(1000)).max(2).optional().describe("Names of the images, for records."),
    hintName: z.string().max(1000).optional().describe("Name of the hint, for records."),
    batchSize: z.int().min(1).max(1000).optional(),
    previewEvery: steps.optional().describe("Sampling steps of a U-Net between two previews. Default: no previews."),
  })
  .openapi("JobRequest");

const png = z.string().describe("A PNG file in base64.");
const index = z.int().describe("Number of the image in the job, from 0.");

/** An event of a job. */
export const jobEvent = z
  .discriminatedUnion("type", [
    z.object({ type: z.literal("waiting"), imagesAhead: z.int().describe("Images of other jobs before it.") }),
    z.object({ type: z.literal("loading"), fraction: z.number().describe("Share that is done, 0 to 1.") }),
    z.object({ type: z.literal("running") }),
    z.object({
      type: z.literal("progress"),
      phase: z.enum(["prior", "decoder"]),
      unetNumber: z.int().optional(),
      step: z.int(),
      steps: z.int(),
      millisecondsLeft: z.number().optional(),
    }),
    z.object({ type: z.literal("preview"), index, png }),
    z.object({
      type: z.literal("image"),
      index,
      png,
      seed: z.int(),
      parameters: z.looseObject({ script: z.string(), tuning: z.string() }),
    }),
    z.object({ type: z.literal("warning"), message: z.string() }),
    z.object({ type: z.literal("done") }),
    z.object({
      type: z.literal("error"),
      error: z.object({
        message: z.string(),
        type: z.string(),
        param: z.string().nullable(),
        code: z.string(),
        advice: z.string().optional(),
        retryAfter: z.number().optional().describe("Seconds after which it may succeed."),
      }),
    }),
  ])
  .openapi("JobEvent");

/** An event of a job. */
export type JobEvent = z.output<typeof jobEvent>;

const servedModel = z.object({
  name: z.string(),
  isLoaded: z.boolean().describe("Whether its weights are ready on a GPU now. Others are loaded when they are needed."),
});

/** Answer of `GET /api/models`. */
export const servedModels = z.object({ models: z.array(servedModel) }).openapi("ServedModels");

const device = z.looseObject({ adapter: z.looseObject({ vendor: z.string() }), tuning: z.string() });

/** Answer of `GET /api/models/{model}`. */
export const servedModelInfo = z
  .looseObject({ ...servedModel.shape, dtype: z.string(), device })
  .describe("What the model takes and generates: the library's `PriorInfo`, `DecoderInfo` and `ClipInfo`.")
  .openapi("ServedModelInfo");

/** Answer of `GET /api/device`. */
export const servedDevices = z
  .object({
    isReady: z.boolean(),
    reason: z.string().optional().describe("Why jobs cannot be run now."),
    waitingJobs: z.int(),
    runningJobs: z.int(),
    devices: z.array(device),
  })
  .openapi("ServedDevices");
