import type { Job } from "../jobs/job.svelte.js";
import type { Task } from "dalle2-webgpu/requests";
import { promptsIn } from "./parameters.js";

/** How many characters of a longer prompt the library's messages have. */
const EXCERPT = 60;

/**
 * Says that a text has more tokens than the model reads, as the newest job of a task found out; undefined if it has not, or if
 * it has been changed since. Only the model can count tokens.
 */
export function tooLongProblem(
  jobs: readonly Pick<Job, "request" | "failure" | "warnings">[],
  task: Task,
  text: string,
): string | undefined {
  const job = jobs.find(({ request }) => request.parameters.task === task);
  if (!job) return undefined;
  const { failure, warnings } = job;
  const messages = failure?.code === "text/too-long" ? [...warnings, failure.message] : warnings;
  for (const prompt of promptsIn(text)) {
    const message = messages.find((one) => one.includes(`"${excerptOf(prompt)}"`));
    const [, tokens, most] = /has (\d+) tokens.* at most (\d+)/.exec(message ?? "") ?? [];
    if (tokens === undefined || most === undefined) continue;
    const start = `The prompt “${prompt.slice(0, 20)}…” has ${tokens} tokens, but the model reads at most ${most}`;
    return `${start}: shorten it, or its end is ignored.`;
  }
  return undefined;
}

function excerptOf(prompt: string): string {
  return prompt.length > EXCERPT ? `${prompt.slice(0, EXCERPT)}…` : prompt;
}
