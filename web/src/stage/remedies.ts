import type { AppState } from "../app-state.svelte.js";
import type { Failure, Remedy } from "../engine/failure.js";
import type { Job } from "../jobs/job.svelte.js";
import { sayBytes } from "../parts/amounts.js";

/** What one button does about a failure. */
export interface RemedyButton {
  readonly label: string;
  readonly run: (app: AppState, job: Job) => void;
}

const BUTTONS: Readonly<Record<Remedy, RemedyButton>> = {
  retry: { label: "Try again", run: again },
  "retry-in-f32": { label: "Generate in f32", run: again },
  "reopen-device": { label: "Reopen the GPU", run: again },
  "free-storage": {
    label: "Free storage",
    run: (app) => {
      app.dialog = "storage";
    },
  },
  "choose-model": {
    label: "Choose another model",
    run: (app) => {
      app.dialog = "models";
    },
  },
  "shorten-prompt": {
    label: "Shorten the prompt",
    run: (app, job) => {
      app.draft.restore(job.request.parameters);
      app.tab = job.request.parameters.task;
      // After the form is there.
      setTimeout(() => {
        document.querySelector<HTMLElement>("textarea[data-field]")?.focus();
      });
    },
  },
};

/** The button for a failure; undefined if nothing that the page can do helps. */
export function remedyButton({ remedy, neededBytes }: Failure): RemedyButton | undefined {
  if (remedy === undefined) return undefined;
  if (remedy === "free-storage" && neededBytes !== undefined)
    return { ...BUTTONS[remedy], label: `Free ${sayBytes(neededBytes)}` };
  return BUTTONS[remedy];
}

/** Runs the job again with what helps. Shows the new job in place of the one that failed. */
function again(app: AppState, failed: Job): void {
  const job = app.queue.remedy(failed);
  if (job) app.shown = { kind: "job", job };
}
