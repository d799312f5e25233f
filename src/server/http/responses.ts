// How the OpenAPI document describes answers that are errors.
import { z } from "@hono/zod-openapi";
import { errorAnswer } from "./openai/schemas.js";

const MEANINGS = {
  400: "A parameter is wrong: `param` names it.",
  401: "There is no key, or it is not known here.",
  403: "The key, the origin or the host is not allowed.",
  404: "There is no such model or file.",
  409: "This `Idempotency-Key` belongs to an earlier request that asked for something else.",
  413: "The body, a field or an image is too large.",
  415: "The body has another type than this route takes.",
  429: "A limit of the key is reached.",
  500: "The server or the model failed; its log has the reason, by the id of the request.",
  503: "The queue is full, no worker is there, or the server is being stopped.",
  504: "The images were not done before the deadline.",
} as const;

/** An HTTP status of an error. */
export type ErrorStatus = keyof typeof MEANINGS;

const requestId = z.string().describe("Id of the request.");
const retryAfter = z.string().describe("Seconds after which the request may succeed.");

/** The answers that are errors, for `createRoute`. */
export function errorResponses<Status extends ErrorStatus>(statuses: readonly Status[]) {
  const entries = statuses.map((status) => [
    status,
    {
      description: MEANINGS[status],
      headers: z.object({
        "x-request-id": requestId,
        ...(status === 429 || status === 503 ? { "retry-after": retryAfter } : {}),
      }),
      content: { "application/json": { schema: errorAnswer } },
    },
  ]);
  return Object.fromEntries(entries) as Record<Status, { description: string }>;
}
