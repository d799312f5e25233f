import { untrack } from "svelte";
import type { AppState } from "../app-state.svelte.js";
import type { Toast } from "../shell/toasts.svelte.js";
import { watchPageUpdates } from "./page-updates.js";

/** Tells of new versions of the page once no job waits or runs: reloading ends them. Call it while a component is set up. */
export function offerUpdates({ toasts, queue }: Pick<AppState, "toasts" | "queue">): void {
  let offer: (() => void) | undefined = $state.raw();
  let shown: Toast | undefined;
  const say = (message: string) => (run: () => void) => {
    offer = () => {
      // What was offered before may have been taken in another tab.
      if (shown) toasts.dismiss(shown);
      shown = toasts.show(message, { label: "Reload", run });
    };
  };
  const watched = watchPageUpdates({
    onReady: say("A new version of this page is ready."),
    onChanged: say("This page has a new version, which another tab already uses."),
  });
  watched.catch(() => undefined);
  $effect(() => {
    if (!offer || queue.jobs.some(({ isOver }) => !isOver)) return;
    untrack(offer);
    offer = undefined;
  });
}
