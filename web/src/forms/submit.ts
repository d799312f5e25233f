import type { AppState } from "../app-state.svelte.js";
import type { Task } from "dalle2-webgpu/requests";
import type { Problem } from "./checks.js";
import { isProblem } from "./draft.svelte.js";

/** Queues the job of a form. Shows it unless another is in hand. Returns what is missing if it cannot be queued. */
export function submit(app: Pick<AppState, "draft" | "queue" | "shown">, task: Task): Problem | undefined {
  const { draft, queue } = app;
  const problem = draft.problem(task);
  if (problem) return problem;
  if (!draft.isSeedLocked) draft.rollSeed();
  const request = draft.request(task);
  if (isProblem(request)) return request;
  const isBusy = queue.running !== undefined;
  const job = queue.add(request);
  if (!isBusy) app.shown = { kind: "job", job };
  return undefined;
}
