import type { Job } from "../jobs/job.svelte.js";
import type { Task } from "../jobs/request.js";
import { promptsIn } from "./parameters.js";

/** Characters of a prompt that the library's message has. */
const EXCERPT = 40;

/**
 * Says that a text was too long for the model in the newest job of a task; undefined if it was not, or if it has been changed.
 * Only the model can count tokens.
 */
export function tooLongProblem(jobs: readonly Job[], task: Task, text: string): string | undefined {
  const failure = jobs.find(({ request, isOver }) => isOver && request.parameters.task === task)?.failure;
  if (failure?.code !== "text/too-long") return undefined;
  const { message, advice } = failure;
  const isMeant = promptsIn(text).some((prompt) => message.includes(`"${prompt.slice(0, EXCERPT)}`));
  if (!isMeant) return undefined;
  return [`${message.charAt(0).toUpperCase()}${message.slice(1)}.`, advice ?? ""].join(" ").trim();
}
