// The answer of a call for images as a stream of events.
import type { Context } from "hono";
import { streamSSE, type SSEStreamingApi } from "hono/streaming";
import type { RgbImage } from "../../../image/image.js";
import { canvasSize } from "../../../pipeline/canvas.js";
import type { ImageSize } from "../../../pipeline/canvas-options.js";
import type { ServerEnv } from "../../context.js";
import type { FinishedImage } from "../../jobs/job.js";
import type { ImageRequest } from "../../../requests/request.js";
import type { ServedModelInfo } from "../../jobs/job-runner.js";
import type { CallSignal } from "../call.js";
import { asServerError, errorBody } from "../errors.js";
import { EventFeed } from "../event-feed.js";
import type { ServerParts } from "../parts.js";
import { eventFields, imageExtension, NO_USAGE } from "./answer.js";
import { runCall, type ImageCall } from "./image-call.js";
import { outputFile, previewFile, type Output } from "./output.js";
import { PreviewPlan } from "./previews.js";
import type { StreamEvent } from "./schemas.js";
import { sizeText } from "./size.js";

/** Names of the events by route. */
const PREFIXES = { generations: "image_generation", edits: "image_edit" } as const;

/** How long a stream may wait for the acceptance of its job: what fails before is answered with its status. */
const ACCEPTANCE_MS = 1000;

/** A route whose answers can be streams. */
export type StreamRoute = keyof typeof PREFIXES;

/** A call whose answer is a stream. */
export interface StreamCall extends ImageCall {
  readonly route: StreamRoute;
}

/** Answers a call with a stream of events. Rejects if its job is refused at once. Ends `call` when the stream ends. */
export async function streamImages(
  c: Context<ServerEnv>,
  parts: ServerParts,
  image: StreamCall,
  output: Output,
  call: CallSignal,
): Promise<Response> {
  const run = new StreamedRun(c, parts, image, output);
  const done = run.run(call.signal).finally(call.end);
  await run.feed.begun(ACCEPTANCE_MS);
  const { heartbeatMs } = parts.settings;
  return streamSSE(c, async (stream) => {
    try {
      await send(run.feed, stream, heartbeatMs);
    } catch (error) {
      const problem = asServerError(error);
      const fields = { requestId: c.get("requestId"), code: problem.code, error: problem.cause ?? problem.message };
      if (problem.code !== "closed-by-caller") parts.observe.log.warn("a stream ended with an error", fields);
      await stream.writeSSE({ event: "error", data: JSON.stringify({ type: "error", ...errorBody(problem) }) });
    }
    await done;
  });
}

async function send(feed: EventFeed<Pending>, stream: SSEStreamingApi, heartbeatMs: number): Promise<void> {
  for (;;) {
    const pending = await feed.next(heartbeatMs);
    if (pending === "end" || stream.aborted) return;
    // A comment, which clients skip. It keeps proxies from closing the connection.
    if (pending === "silent") {
      await stream.write(": waiting\n\n");
      continue;
    }
    const event = await pending();
    await stream.writeSSE({ event: event.type, data: JSON.stringify(event) });
  }
}

/** Writes the file of an event when it is sent. */
type Pending = () => Promise<StreamEvent>;

/** A job whose previews and images become events. Of all previews of an image, a slow reader gets the newest. */
class StreamedRun {
  readonly feed = new EventFeed<Pending>();
  readonly #completed = new Set<number>();
  readonly #warnings: string[];

  constructor(
    private readonly c: Context<ServerEnv>,
    private readonly parts: ServerParts,
    private readonly call: StreamCall,
    private readonly output: Output,
  ) {
    this.#warnings = [...call.warnings];
  }

  /** Runs the job. It does not reject: `feed` ends. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      const { plan, size } = await this.#plan(signal);
      const { images } = await runCall(this.c, this.parts, this.call, {
        signal,
        previewEvery: plan.every,
        events: {
          onStage: () => {
            this.feed.begin();
          },
          onProgress: (progress) => {
            this.feed.begin();
            plan.note(progress);
          },
          onPreview: (preview, index) => {
            const partial = plan.take(index);
            if (partial === undefined) return;
            // There are few partial images, and any number of previews.
            const key = plan.isEach ? `preview ${index}` : undefined;
            this.feed.push(() => this.#partial(preview, size, index, partial), key);
          },
          onImage: (image, index) => {
            this.#complete(image, index);
          },
          onWarning: (message) => this.#warnings.push(message),
        },
      });
      // A repeated call gets its images without events.
      for (const [index, image] of images.entries()) this.#complete(image, index);
      this.feed.end();
    } catch (error) {
      this.feed.fail(error);
    }
  }

  /** Which previews are needed, and the size that they are shown in. */
  async #plan(signal: AbortSignal): Promise<{ readonly plan: PreviewPlan; readonly size: ImageSize }> {
    const { body, model, request } = this.call;
    const every = body.dalle2?.previewEvery;
    const partialImages = body.partial_images ?? 0;
    const wantsPreviews = every !== undefined || partialImages > 0;
    const info = wantsPreviews ? await this.parts.observe.runner.describe(model, signal) : { decoder: undefined };
    const size = this.output.size ?? ownSize(info, request);
    return { plan: new PreviewPlan(info, request.parameters, partialImages, every), size };
  }

  #complete(image: FinishedImage, index: number): void {
    if (this.#completed.has(index)) return;
    this.#completed.add(index);
    this.feed.push(() => this.#completion(image, index));
  }

  get #quality(): string {
    return this.call.body.quality ?? "auto";
  }

  async #partial(preview: RgbImage, size: ImageSize, index: number, partial: number): Promise<StreamEvent> {
    const bytes = await previewFile(preview, size, this.output);
    return {
      type: `${PREFIXES[this.call.route]}.partial_image`,
      ...eventFields(bytes, sizeText(size), this.output, this.#quality),
      partial_image_index: partial,
      dalle2: { index },
    };
  }

  async #completion(image: FinishedImage, index: number): Promise<StreamEvent> {
    const file = await outputFile(image, this.output);
    const { model, jobId } = this.call;
    return {
      type: `${PREFIXES[this.call.route]}.completed`,
      ...eventFields(file.bytes, sizeText(file), this.output, this.#quality),
      usage: NO_USAGE,
      dalle2: { ...imageExtension(image, index, file), model, jobId, warnings: [...this.#warnings] },
    };
  }
}

/** The size of the images of a request that names none. */
function ownSize({ decoder }: Pick<ServedModelInfo, "decoder">, { parameters, images }: ImageRequest): ImageSize {
  const last = decoder?.unets.at(-1);
  if (!last) return { width: 1, height: 1 };
  return canvasSize(last, parameters.task === "inpaint" ? { inpaintImages: images } : {});
}
