// A call for images from its body to its finished images.
import { randomUUID } from "node:crypto";
import type { Context } from "hono";
import { randomSeed } from "../../../pipeline/random-seed.js";
import { requestSize } from "../../../requests/images.js";
import type { ImageRequest } from "../../../requests/request.js";
import type { ServerEnv } from "../../context.js";
import { fingerprintOfRequest } from "../../guard/idempotency.js";
import type { FinishedImage, Job, JobEvents } from "../../jobs/job.js";
import { ServerError } from "../../server-error.js";
import type { ServerParts } from "../parts.js";
import type { ImageRoute } from "./parameters.js";
import type { ImageBody } from "./schemas.js";

/** A call whose body is checked. */
export interface ImageCall<Body extends ImageBody = ImageBody> {
  readonly route: ImageRoute;
  readonly body: Body;
  /** Name of the served model. */
  readonly model: string;
  /** The value of `Idempotency-Key`, if it has one. */
  readonly key: string | undefined;
  readonly jobId: string;
  readonly request: ImageRequest;
  /** What the caller should know already. */
  readonly warnings: readonly string[];
}

/** What of a call its job is made of. */
export type RunnableCall = Pick<ImageCall, "model" | "key" | "jobId" | "request" | "warnings">;

/** The images of a call. */
export interface CallResult {
  readonly images: readonly FinishedImage[];
  /** Whether they are those of an earlier call with the same `Idempotency-Key`. */
  readonly isRepeat: boolean;
  /** What the caller should know. */
  readonly warnings: readonly string[];
}

/** Finds the model of a call; by default the first. Rejects with `ServerError`. */
export async function modelOf({ observe }: ServerParts, name: string | null | undefined): Promise<string> {
  const names = (await observe.runner.models()).map((model) => model.name);
  const found = name == null ? names[0] : names.find((one) => one === name);
  if (found !== undefined) return found;
  const asked = name == null ? "This server has no model." : `There is no model ${JSON.stringify(name)} here.`;
  throw new ServerError("unknown-model", `${asked} Models: ${names.join(", ") || "none"}.`, { param: "model" });
}

/** Id of the job of a call, and its seed, if its body names none. A repeated call has the same. */
export function identityOf(c: Context<ServerEnv>, { guard }: ServerParts) {
  const key = guard.idempotency.keyOf(c);
  if (key === undefined) return { key, id: `job-${randomUUID()}`, seed: randomSeed() };
  return { key, ...guard.idempotency.identity(c.get("owner"), key) };
}

/** What runs beside a job. */
export interface CallWatch {
  readonly signal: AbortSignal;
  readonly events: JobEvents;
  readonly previewEvery?: number | undefined;
}

/** Runs the job of a call, and counts its images. Rejects as `JobRunner.run`. */
export async function runCall(
  c: Context<ServerEnv>,
  parts: ServerParts,
  call: RunnableCall,
  { signal, events, previewEvery }: CallWatch,
): Promise<CallResult> {
  const { guard, observe } = parts;
  const { model, request, jobId, key } = call;
  const { parameters } = request;
  observe.note(c, { model, jobId, images: requestSize(request), prompts: parameters.prompts });
  const warnings = new Set(call.warnings);
  const owner = c.get("owner");
  const watched: JobEvents = {
    ...events,
    onWarning: (message) => {
      warnings.add(message);
      events.onWarning?.(message);
    },
  };
  const start = (job: Pick<Job, "id" | "signal" | "events">) =>
    observe.runner.run({ ...job, model, request, owner: owner.id, previewEvery });
  const giveBack = guard.takeImages(c, requestSize(request));
  try {
    const result =
      key === undefined
        ? { images: await start({ id: jobId, signal, events: watched }), isRepeat: false }
        : await guard.idempotency.run(
            { owner, key, fingerprint: fingerprintOfRequest(model, request), signal, events: watched },
            start,
          );
    if (result.isRepeat) giveBack();
    return { ...result, warnings: [...warnings] };
  } catch (error) {
    giveBack();
    throw error;
  }
}
