import type { AppState } from "../app-state.svelte.js";
import type { Job } from "../jobs/job.svelte.js";

/** Name of the page. */
const NAME = "DALL·E 2 on WebGPU";

/** Shows a job when its turn comes, unless the person looks at something else than the job before it. */
export function followJobs(app: AppState): void {
  let followed: Job | undefined;
  $effect(() => {
    const { running } = app.queue;
    if (!running || running === followed) return;
    const { batch } = app.viewer;
    const isFree = app.shown.kind === "nothing" || (batch?.job !== undefined && batch.job === followed);
    if (isFree) app.shown = { kind: "job", job: running };
    followed = running;
  });
}

/** Shows in the title of the page, and so in its tab, how far the job in hand is. */
export function titlePage(app: AppState): void {
  $effect(() => {
    const { running } = app.queue;
    const prompt = running?.request.parameters.prompts[0] ?? "";
    const parts = running ? [`${String(Math.round(running.fraction * 100))} %`, prompt] : [NAME];
    document.title = parts.filter((part) => part !== "").join(" · ");
  });
}
