// The handlers of the routes that the app uses.
import { randomUUID } from "node:crypto";
import type { Context } from "hono";
import { streamSSE, type SSEStreamingApi } from "hono/streaming";
import type { ServerEnv } from "../context.js";
import { callSignal, type CallSignal } from "../http/call.js";
import { asServerError } from "../http/errors.js";
import { modelOf, runCall, type RunnableCall } from "../http/openai/image-call.js";
import { hasManySizes } from "../http/openai/size.js";
import type { ServerParts } from "../http/parts.js";
import type { PixelBudget } from "../http/pixel-budget.js";
import { errorEvent, JobStream } from "./event-stream.js";
import { readJob } from "./read-job.js";
import type { JobEvent } from "./schemas.js";

type Handler = (c: Context<ServerEnv>) => Promise<Response>;

/** How long a stream may wait for the acceptance of its job: what fails before is answered with its status. */
const ACCEPTANCE_MS = 1000;

/** The handlers of the routes of the app. */
export interface AppHandlers {
  readonly models: Handler;
  readonly model: Handler;
  readonly device: Handler;
  readonly jobs: Handler;
}

/** Makes the handlers. `pixels` bounds the images that are held at once. */
export function appHandlers(parts: ServerParts, pixels: PixelBudget): AppHandlers {
  const { runner } = parts.observe;
  const { deadlineMs } = parts.settings;
  return {
    models: async (c) => c.json({ models: await runner.models() }),
    model: async (c) => {
      const timed = callSignal(c, deadlineMs);
      try {
        return c.json(await runner.describe(c.req.param("model") ?? "", timed.signal));
      } finally {
        timed.end();
      }
    },
    device: async (c) => {
      const { isReady, reason, waitingJobs, runningJobs, devices } = await runner.status();
      return c.json({ isReady, reason, waitingJobs, runningJobs, devices });
    },
    jobs: async (c) => {
      const asked = await readJob(c, parts);
      const model = await modelOf(parts, asked.body.model);
      const timed = callSignal(c, deadlineMs);
      const release = [timed.end];
      const end = () => {
        for (const one of release.splice(0)) one();
      };
      try {
        release.push(pixels.hold(asked.pixels));
        const request = await asked.makeRequest(async () => hasManySizes(await runner.describe(model, timed.signal)));
        const call = { model, request, key: undefined, jobId: `job-${randomUUID()}`, warnings: [] };
        return await streamJob(c, parts, call, { signal: timed.signal, end }, asked.body.previewEvery);
      } catch (error) {
        end();
        throw error;
      }
    },
  };
}

/** Answers with the events of a job. Rejects if the job is refused at once. */
async function streamJob(
  c: Context<ServerEnv>,
  parts: ServerParts,
  call: RunnableCall,
  { signal, end }: CallSignal,
  previewEvery: number | undefined,
): Promise<Response> {
  const job = new JobStream();
  const done = runCall(c, parts, call, { signal, events: job.events, previewEvery })
    .then(({ images }) => {
      for (const [index, image] of images.entries()) job.addImage(image, index);
      job.feed.push(() => ({ type: "done" }));
      job.feed.end();
    })
    .catch((error: unknown) => {
      job.feed.fail(error);
    })
    .finally(end);
  await job.feed.begun(ACCEPTANCE_MS);
  return streamSSE(c, async (stream) => {
    try {
      await send(job, stream, parts.settings.heartbeatMs);
    } catch (error) {
      const problem = asServerError(error);
      const fields = { requestId: c.get("requestId"), code: problem.code, error: problem.cause ?? problem.message };
      if (problem.code !== "closed-by-caller") parts.observe.log.warn("a job of the app ended with an error", fields);
      await write(stream, errorEvent(problem));
    }
    await done;
  });
}

async function send({ feed }: JobStream, stream: SSEStreamingApi, heartbeatMs: number): Promise<void> {
  for (;;) {
    const next = await feed.next(heartbeatMs);
    if (next === "end" || stream.aborted) return;
    if (next === "silent") {
      // A comment, which clients skip. It keeps proxies from closing the connection.
      await stream.write(": waiting\n\n");
      continue;
    }
    const event = await next();
    if (event) await write(stream, event);
  }
}

function write(stream: SSEStreamingApi, event: JobEvent): Promise<void> {
  return stream.writeSSE({ event: event.type, data: JSON.stringify(event) });
}
