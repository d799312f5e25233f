import type { ImageRequest, RequestParameters } from "../../../src/requests/request.js";
import type { Job } from "../../../src/server/jobs/job.js";
import type { JobPart } from "../../../src/server/local/part-run.js";
import { requestSize } from "../../../src/requests/images.js";

let count = 0;

/** A request to create images in few steps. */
export function request(
  parameters: Partial<RequestParameters> = {},
  others: Omit<Partial<ImageRequest>, "parameters"> = {},
): ImageRequest {
  return {
    images: [],
    ...others,
    parameters: {
      task: "create",
      prior: { steps: 2 },
      unets: [{ steps: 2 }, { steps: 1 }],
      prompts: ["a red circle"],
      count: 1,
      seed: 1,
      ...parameters,
    },
  };
}

/** A job for a request. */
export function job(of: ImageRequest, others: Partial<Job> = {}): Job {
  return {
    id: `job ${++count}`,
    model: "shapes",
    owner: "someone",
    signal: new AbortController().signal,
    events: {},
    request: of,
    ...others,
  };
}

/** All images of a job as a part of a batch. */
export function whole(of: Job): JobPart {
  return { job: of, start: 0, end: requestSize(of.request) };
}
