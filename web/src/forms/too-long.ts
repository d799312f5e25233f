import type { Job } from "../jobs/job.svelte.js";
import type { Task } from "../jobs/request.js";
import { promptsIn } from "./parameters.js";

/** How many characters of a longer prompt the library's message has. */
const EXCERPT = 60;

/**
 * Says that a text was too long for the model in the newest job of a task; undefined if it was not, or if it has been changed.
 * Only the model can count tokens.
 */
export function tooLongProblem(jobs: readonly Job[], task: Task, text: string): string | undefined {
  const failure = jobs.find(({ request, isOver }) => isOver && request.parameters.task === task)?.failure;
  if (failure?.code !== "text/too-long") return undefined;
  const { message } = failure;
  const long = promptsIn(text).find((prompt) => message.includes(`"${excerptOf(prompt)}"`));
  if (long === undefined) return undefined;
  const [, tokens, most] = /has (\d+) tokens.* at most (\d+)/.exec(message) ?? [];
  if (tokens === undefined || most === undefined) return message;
  return `The prompt "${long.slice(0, 20)}…" has ${tokens} tokens, but the model reads at most ${most}: shorten it.`;
}

function excerptOf(prompt: string): string {
  return prompt.length > EXCERPT ? `${prompt.slice(0, EXCERPT)}…` : prompt;
}
