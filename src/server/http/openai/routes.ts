// The routes of OpenAI's API as the OpenAPI document describes them.
import { createRoute, z } from "@hono/zod-openapi";
import { errorResponses } from "../responses.js";
import {
  editBody,
  generationBody,
  imagesAnswer,
  modelAnswer,
  modelsAnswer,
  streamEvent,
  variationBody,
} from "./schemas.js";

const IMAGES = {
  description: "The images; with `stream`, events.",
  headers: z.object({
    "x-request-id": z.string().describe("Id of the request. The server's log has it."),
    "x-dalle2-resampled-from": z
      .string()
      .optional()
      .describe("The model's size, if the images were resampled from it."),
    "idempotent-replayed": z
      .enum(["true"])
      .optional()
      .describe("The images are those of an earlier call with this `Idempotency-Key`."),
    "openai-processing-ms": z.string().optional(),
  }),
  content: { "application/json": { schema: imagesAnswer } },
};

const WITH_STREAM = {
  ...IMAGES,
  content: { ...IMAGES.content, "text/event-stream": { schema: streamEvent } },
};

const idempotency = z.object({
  "idempotency-key": z
    .string()
    .max(255)
    .optional()
    .describe("A request with the key of an earlier one gets its images; nothing is generated twice."),
});

const form = "multipart/form-data";

/** `POST /v1/images/generations`. */
export const generationsRoute = createRoute({
  method: "post",
  path: "/v1/images/generations",
  summary: "Generate images from a prompt",
  operationId: "createImage",
  request: {
    headers: idempotency,
    body: { required: true, content: { "application/json": { schema: generationBody } } },
  },
  responses: { 200: WITH_STREAM, ...errorResponses([400, 401, 403, 404, 409, 413, 415, 429, 500, 503, 504]) },
});

/** `POST /v1/images/edits`. */
export const editsRoute = createRoute({
  method: "post",
  path: "/v1/images/edits",
  summary: "Generate the transparent parts of an image, or edit it by text",
  operationId: "createImageEdit",
  request: { headers: idempotency, body: { required: true, content: { [form]: { schema: editBody } } } },
  responses: { 200: WITH_STREAM, ...errorResponses([400, 401, 403, 404, 409, 413, 415, 429, 500, 503, 504]) },
});

/** `POST /v1/images/variations`. */
export const variationsRoute = createRoute({
  method: "post",
  path: "/v1/images/variations",
  summary: "Generate variations of an image",
  operationId: "createImageVariation",
  request: { headers: idempotency, body: { required: true, content: { [form]: { schema: variationBody } } } },
  responses: { 200: IMAGES, ...errorResponses([400, 401, 403, 404, 409, 413, 415, 429, 500, 503, 504]) },
});

/** `GET /v1/models`. */
export const modelsRoute = createRoute({
  method: "get",
  path: "/v1/models",
  summary: "List the models",
  operationId: "listModels",
  responses: {
    200: { description: "The models, the default first.", content: { "application/json": { schema: modelsAnswer } } },
    ...errorResponses([401, 403, 429, 500]),
  },
});

/** `GET /v1/models/{model}`. */
export const modelRoute = createRoute({
  method: "get",
  path: "/v1/models/{model}",
  summary: "Describe a model",
  operationId: "retrieveModel",
  request: { params: z.object({ model: z.string() }) },
  responses: {
    200: { description: "The model.", content: { "application/json": { schema: modelAnswer } } },
    ...errorResponses([401, 403, 404, 429, 500]),
  },
});
