import { OpenAPIHono, type RouteConfig } from "@hono/zod-openapi";
import type { Context, Handler } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { excerpt } from "../../platform/printable.js";
import { PACKAGE_VERSION } from "../../platform/package-version.js";
import type { ServerEnv } from "../context.js";
import { RESULTS_ROUTE } from "../results/types.js";
import { ServerError } from "../server-error.js";
import { appHandlers } from "../app/handlers.js";
import { addPage } from "../app/page-files.js";
import { APP_SCHEMAS, appDeviceRoute, appJobsRoute, appModelRoute, appModelsRoute } from "../app/routes.js";
import { asServerError, errorBody, errorHeaders } from "./errors.js";
import { openAIHandlers } from "./openai/handlers.js";
import { editsRoute, generationsRoute, modelRoute, modelsRoute, variationsRoute } from "./openai/routes.js";
import type { ServerParts } from "./parts.js";
import { PixelBudget } from "./pixel-budget.js";
import { describeOtherRoutes, DOCUMENT } from "./document.js";

/** The server's app, to which further routes are added. */
export type ServerApp = OpenAPIHono<ServerEnv>;

/**
 * Makes the server: OpenAI's images API under `/v1`, the app at `/` and its API under `/api`, results, health, metrics, and the OpenAPI document at `/openapi.json`. What
 * throws `ServerError` is answered in OpenAI's shape.
 */
export function createApp(parts: ServerParts): ServerApp {
  const { guard, observe, results, settings, page } = parts;
  // Not strict: a path may end with a slash.
  const app: ServerApp = new OpenAPIHono<ServerEnv>({ strict: false });
  app.onError((error, c) => answerError(c, parts, error));
  app.notFound((c) => answerError(c, parts, notFound(c)));
  app.use(observe.requests);
  app.use(guard.origin);
  app.get("/healthz", observe.healthz);
  app.get("/readyz", observe.readyz);
  app.get(RESULTS_ROUTE, results.handler);
  app.get("/metrics", guard.authenticate, guard.metricsAllowed, observe.metrics);
  app.get("/openapi.json", (c) => c.json(documentOf(app)));
  app.use("/v1/*", guard.authenticate, guard.limit, guard.body);
  const pixels = new PixelBudget(settings.maxPixelsAtOnce);
  const handlers = openAIHandlers(parts, pixels);
  addRoute(app, modelsRoute, handlers.models);
  addRoute(app, modelRoute, handlers.model);
  addRoute(app, generationsRoute, handlers.generations);
  addRoute(app, editsRoute, handlers.edits);
  addRoute(app, variationsRoute, handlers.variations);
  addAppRoutes(app, parts, pixels);
  if (page) addPage(app, page);
  describeOtherRoutes(app);
  return app;
}

/** Adds the routes that the app uses. */
function addAppRoutes(app: ServerApp, parts: ServerParts, pixels: PixelBudget): void {
  const { authenticate, limit, body } = parts.guard;
  app.use("/api/*", authenticate, limit, body);
  const handlers = appHandlers(parts, pixels);
  addRoute(app, appModelsRoute, handlers.models);
  addRoute(app, appModelRoute, handlers.model);
  addRoute(app, appDeviceRoute, handlers.device);
  addRoute(app, appJobsRoute, handlers.jobs);
  for (const [name, schema] of Object.entries(APP_SCHEMAS)) app.openAPIRegistry.register(name, schema);
}

/** Adds a route with its description. Its handler checks bodies by itself, so that all errors have one shape. */
export function addRoute(
  app: ServerApp,
  route: RouteConfig & { getRoutingPath(): string },
  handler: Handler<ServerEnv>,
): void {
  app.openAPIRegistry.registerPath(route);
  const path = route.getRoutingPath();
  app.on(route.method.toUpperCase(), path, async (c, next): Promise<Response> => {
    try {
      return (await handler(c, next)) as Response;
    } catch (error) {
      // Hono answers only what is an `Error`.
      throw error instanceof Error ? error : asServerError(error);
    }
  });
  app.all(path, (c) => {
    const allowed = route.method === "get" ? "GET, HEAD" : route.method.toUpperCase();
    c.header("allow", allowed);
    throw new ServerError("wrong-method", `${excerpt(c.req.path)} takes ${allowed}, not ${c.req.method.slice(0, 20)}.`);
  });
}

/** The OpenAPI document of an app with all its routes. */
function documentOf(app: ServerApp): object {
  return app.getOpenAPI31Document({ ...DOCUMENT, info: { ...DOCUMENT.info, version: PACKAGE_VERSION } });
}

function notFound(c: Context<ServerEnv>): ServerError {
  return new ServerError("not-found", `There is nothing at ${c.req.method.slice(0, 20)} ${excerpt(c.req.path)}.`);
}

/** Answers with an error. What callers must not see goes to the log. */
function answerError(c: Context<ServerEnv>, { observe }: ServerParts, error: unknown): Response {
  const problem = asServerError(error);
  if (problem.status === 500) {
    observe.log.error("a request failed", {
      requestId: c.get("requestId"),
      code: problem.code,
      error: problem.cause ?? error,
    });
  }
  for (const [name, value] of Object.entries(errorHeaders(problem))) c.header(name, value);
  // Hono's types do not know 499.
  return c.json(errorBody(problem), problem.status as ContentfulStatusCode);
}
