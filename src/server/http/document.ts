// The OpenAPI document, beside the routes that describe themselves.
import { z, type OpenAPIHono } from "@hono/zod-openapi";
import type { ServerEnv } from "../context.js";
import { RESULT_TYPES, RESULTS_ROUTE } from "../results/types.js";
import { errorResponses } from "./responses.js";

const KEY = "key";

/** The frame of the document. */
export const DOCUMENT = {
  openapi: "3.1.0",
  info: {
    title: "dalle2 serve",
    version: "",
    description:
      "OpenAI's images API on DALL·E 2 class models. The object `dalle2` of requests and answers holds what OpenAI's API does not have.",
    license: { name: "MIT", identifier: "MIT" },
  },
  servers: [{ url: "/" }],
  security: [{ [KEY]: [] }],
};

const text = { "text/plain": { schema: z.string() } };
const image = { schema: z.string().openapi({ format: "binary" }) };
const health = z.looseObject({}).openapi("Health");

/** Describes the routes whose handlers are not the API's. */
export function describeOtherRoutes(app: OpenAPIHono<ServerEnv>): void {
  const registry = app.openAPIRegistry;
  registry.registerComponent("securitySchemes", KEY, {
    type: "http",
    scheme: "bearer",
    description: "A key of `dalle2 keys`. A server on loopback without keys needs none.",
  });
  const open = { method: "get" as const, security: [] };
  registry.registerPath({
    ...open,
    path: RESULTS_ROUTE.replace(/:(\w+)/g, "{$1}"),
    summary: "Read an image by its signed URL",
    request: { params: z.object({ file: z.string() }) },
    responses: {
      200: {
        description: "The image.",
        content: Object.fromEntries(Object.values(RESULT_TYPES).map((type) => [type, image])),
      },
      ...errorResponses([403, 404]),
    },
  });
  registry.registerPath({
    ...open,
    path: "/healthz",
    summary: "Whether the process lives",
    responses: { 200: { description: "It does.", content: { "application/json": { schema: health } } } },
  });
  registry.registerPath({
    ...open,
    path: "/readyz",
    summary: "Whether jobs can be run now",
    responses: {
      200: { description: "They can.", content: { "application/json": { schema: health } } },
      503: { description: "They cannot; the body says why.", content: { "application/json": { schema: health } } },
    },
  });
  registry.registerPath({
    method: "get",
    path: "/metrics",
    summary: "Metrics in the text format of Prometheus",
    responses: { 200: { description: "The metrics.", content: text }, ...errorResponses([401, 403]) },
  });
  registry.registerPath({
    ...open,
    path: "/openapi.json",
    summary: "This document",
    responses: {
      200: { description: "An OpenAPI document.", content: { "application/json": { schema: z.looseObject({}) } } },
    },
  });
}
