// The keys of the page.
import type { AppState } from "../app-state.svelte.js";
import { actionOfKey, IMAGE_ACTIONS, type ImageAction } from "../stage/actions.js";
import { GENERATE_FORM } from "./generate-form.js";
import { TABS } from "./tabs.js";

/** A key, for the sheet of keys. */
export interface KeyHelp {
  readonly keys: string;
  readonly does: string;
}

/** Keys of the page, beside those of image actions. */
export const PAGE_KEYS: readonly KeyHelp[] = [
  { keys: "Ctrl ⏎", does: "Generate; while a job is in hand, queue" },
  { keys: "Ctrl .", does: "Cancel the job in hand" },
  { keys: `1 … ${String(TABS.length)}`, does: "Go to a tab" },
  { keys: "← →", does: "Image before, next image" },
  { keys: "Space", does: "Full view" },
  { keys: "Esc", does: "Back: full view, comparison, image, batch" },
  { keys: "?", does: "These keys" },
];

/** Does what a key stands for. While typing, or in a dialog, keys do nothing but what they do there. */
export function pressKey(app: AppState, event: KeyboardEvent): void {
  if (event.defaultPrevented || isOtherDialogOpen()) return;
  const isDone = event.ctrlKey || event.metaKey ? pressCommand(app, event) : pressPlain(app, event);
  if (isDone) event.preventDefault();
}

function pressCommand(app: AppState, event: KeyboardEvent): boolean {
  if (event.shiftKey || event.altKey) return false;
  if (event.key === "Enter") return !event.repeat && submitForm();
  if (event.key === "." && app.queue.running) {
    app.queue.running.cancel();
    return true;
  }
  if (event.key !== "c" || isTyping(event.target) || String(getSelection()) !== "") return false;
  return runAction(
    app,
    IMAGE_ACTIONS.find(({ id }) => id === "copy"),
  );
}

/** Submits the form in view, also where its button is not: it goes to what is missing. */
function submitForm(): boolean {
  const form = document.querySelector<HTMLFormElement>(`form[${GENERATE_FORM}]`);
  form?.requestSubmit();
  return form !== null;
}

function pressPlain(app: AppState, event: KeyboardEvent): boolean {
  if (event.altKey || isTyping(event.target)) return false;
  const { key } = event;
  if (key === "Escape") return app.viewer.back();
  if (app.tab !== "history" && (key === "ArrowLeft" || key === "ArrowRight")) {
    if (isMovedByArrows(event.target)) return false;
    app.viewer.page(key === "ArrowLeft" ? -1 : 1);
    return true;
  }
  if (key === " ") return openFullView(app, event.target);
  if (key === "?") {
    app.dialog = "keys";
    return true;
  }
  const tab = /^[1-9]$/.test(key) ? TABS[Number(key) - 1] : undefined;
  if (tab && !app.isFullView) {
    app.tab = tab.id;
    return true;
  }
  const action = event.shiftKey ? undefined : actionOfKey(key);
  return app.tab !== "history" && runAction(app, action);
}

function openFullView(app: AppState, target: EventTarget | null): boolean {
  if (isPressedBySpace(target) || app.tab === "history") return false;
  const isPossible = app.viewer.target !== undefined;
  if (isPossible) app.isFullView = !app.isFullView;
  return isPossible;
}

function runAction(app: AppState, action: ImageAction | undefined): boolean {
  const image = app.viewer.target?.kept;
  if (!image || !action?.isPossible(app, image)) return false;
  void action.run(app, image);
  return true;
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  const isField = target.matches(
    "input:not([type=range], [type=checkbox], [type=radio], [type=file]), textarea, select",
  );
  return isField || target.isContentEditable;
}

function isMovedByArrows(target: EventTarget | null): boolean {
  const widgets = "[role=tab], [role=slider], [role=menuitem], [role=radio], [role=application], input";
  return target instanceof Element && target.closest(widgets) !== null;
}

function isPressedBySpace(target: EventTarget | null): boolean {
  return (
    target instanceof Element && target.closest("button, a, summary, input, [role=slider], [role=application]") !== null
  );
}

/** A dialog or a menu but the full view. */
function isOtherDialogOpen(): boolean {
  return document.querySelector("[role=dialog]:not([data-full-view]), [role=alertdialog], [role=menu]") !== null;
}
