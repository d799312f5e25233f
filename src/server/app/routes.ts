// The routes that the app uses, as the OpenAPI document describes them.
import { createRoute, z } from "@hono/zod-openapi";
import { errorResponses } from "../http/responses.js";
import { jobBody, jobEvent, servedDevices, servedModelInfo, servedModels } from "./schemas.js";

const file = z.string().openapi({ format: "binary" });

const jobForm = z.object({
  request: z.string().describe("A `JobRequest` as JSON."),
  image: z.array(file).optional().describe("PNG, JPEG or WebP: what the task starts from."),
  mask: file
    .optional()
    .describe("Of `inpaint`: a PNG in the size of the image. Where it is transparent, it generates."),
  hint: file
    .optional()
    .describe("PNG, JPEG or WebP: what the images follow, such as a map of depths, for models that take a hint."),
});

/** `GET /api/models`. */
export const appModelsRoute = createRoute({
  method: "get",
  path: "/api/models",
  summary: "List the models for the app",
  responses: {
    200: { description: "The models, the default first.", content: { "application/json": { schema: servedModels } } },
    ...errorResponses([401, 403, 429, 500]),
  },
});

/** `GET /api/models/{model}`. */
export const appModelRoute = createRoute({
  method: "get",
  path: "/api/models/{model}",
  summary: "Describe a model for the app; its files are opened for that",
  request: { params: z.object({ model: z.string() }) },
  responses: {
    200: { description: "The model.", content: { "application/json": { schema: servedModelInfo } } },
    ...errorResponses([401, 403, 404, 429, 500, 503, 504]),
  },
});

/** `GET /api/device`. */
export const appDeviceRoute = createRoute({
  method: "get",
  path: "/api/device",
  summary: "What computes, and how busy it is",
  responses: {
    200: { description: "The devices.", content: { "application/json": { schema: servedDevices } } },
    ...errorResponses([401, 403, 429, 500]),
  },
});

/** `POST /api/jobs`. */
export const appJobsRoute = createRoute({
  method: "post",
  path: "/api/jobs",
  summary: "Generate the images of a request of the app",
  description: "Closing the connection cancels the job.",
  request: { body: { required: true, content: { "multipart/form-data": { schema: jobForm } } } },
  responses: {
    200: { description: "Events, each as JSON.", content: { "text/event-stream": { schema: jobEvent } } },
    ...errorResponses([400, 401, 403, 404, 413, 415, 429, 500, 503]),
  },
});

/** Schemas that the document describes without a route that has them as its body. */
export const APP_SCHEMAS = { JobRequest: jobBody };
