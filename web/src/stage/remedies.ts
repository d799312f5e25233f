import type { AppState } from "../app-state.svelte.js";
import type { Failure, Remedy } from "../engine/failure.js";
import type { Job } from "../jobs/job.svelte.js";
import { sayBytes } from "./words.js";

/** What one button does about a failure. */
export interface RemedyButton {
  readonly label: string;
  readonly run: (app: AppState, job: Job) => void;
}

const BUTTONS: Readonly<Record<Remedy, RemedyButton>> = {
  retry: { label: "Try again", run: again },
  "retry-in-f32": {
    label: "Generate in f32",
    run: (app, job) => {
      app.settings.dtype = "f32";
      app.settings.save();
      app.session.close();
      again(app, job);
    },
  },
  "smaller-batch": {
    label: "Generate fewer at once",
    run: (app, job) => {
      const { parameters } = job.request;
      const count = Math.max(Math.floor(parameters.count / 2), 1);
      show(app, app.queue.add({ ...job.request, parameters: { ...parameters, count } }), job);
    },
  },
  "reopen-device": {
    label: "Reopen the GPU",
    run: (app, job) => {
      app.session.close();
      again(app, job);
    },
  },
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
        document.querySelector<HTMLElement>("[data-field]")?.focus();
      });
    },
  },
};

/** The button for a failure; undefined if nothing that the page can do helps. */
export function remedyButton({ remedy, neededBytes }: Failure, job: Job): RemedyButton | undefined {
  if (remedy === undefined) return undefined;
  // One image is the smallest batch.
  if (remedy === "smaller-batch" && job.request.parameters.count === 1) return BUTTONS["choose-model"];
  if (remedy === "free-storage" && neededBytes !== undefined)
    return { ...BUTTONS[remedy], label: `Free ${sayBytes(neededBytes)}` };
  return BUTTONS[remedy];
}

function again(app: AppState, job: Job): void {
  show(app, app.queue.add(job.request), job);
}

/** Shows the new job in place of the one that failed. */
function show(app: AppState, next: Job, failed: Job): void {
  app.queue.dismiss(failed);
  app.shown = { kind: "job", job: next };
}
