// What can be done with an image: the same in the stage, the strip, the history and the full view.
import type { Component } from "svelte";
import Blend from "@lucide/svelte/icons/blend";
import Brush from "@lucide/svelte/icons/brush";
import ClipboardPaste from "@lucide/svelte/icons/clipboard-paste";
import Columns2 from "@lucide/svelte/icons/columns-2";
import Copy from "@lucide/svelte/icons/copy";
import Download from "@lucide/svelte/icons/download";
import Hash from "@lucide/svelte/icons/hash";
import Link from "@lucide/svelte/icons/link";
import Scaling from "@lucide/svelte/icons/scaling";
import Shuffle from "@lucide/svelte/icons/shuffle";
import Trash from "@lucide/svelte/icons/trash";
import type { AppState } from "../app-state.svelte.js";
import { linkTo } from "../forms/link.js";
import { downloadEach } from "../gallery/download.js";
import type { KeptImage } from "../gallery/kept-image.js";
import type { Task } from "dalle2-webgpu/requests";
import type { MenuItem } from "../parts/menu-item.js";
import { TASK_NAMES } from "../shell/task-names.js";
import { compareWith } from "./compare.js";

/** An action for an image. */
export interface ImageAction {
  readonly id: string;
  readonly label: string;
  /** Where there is room for one word. */
  readonly shortLabel: string;
  readonly icon: Component;
  /** As `KeyboardEvent.key`, in small letters. Undefined for those with keys of the browser. */
  readonly key: string | undefined;
  /** The key as people read it. */
  readonly shortcut: string;
  /** The actions come in groups: on with this image, with what it came from, with its file. */
  readonly group: "use" | "parameters" | "file";
  readonly isPossible: (app: AppState, image: KeptImage) => boolean;
  readonly run: (app: AppState, image: KeptImage) => Promise<void> | void;
}

/** All actions, in order. */
export const IMAGE_ACTIONS: readonly ImageAction[] = [
  useIn("variations", "Generate variations", Shuffle, "v"),
  useIn("inpaint", "Inpaint", Brush, "i"),
  useIn("upscale", "Upscale", Scaling, "u"),
  useIn("interpolate", "Interpolate with another image", Blend, "m"),
  {
    id: "compare",
    label: "Compare with another image",
    shortLabel: "Compare",
    icon: Columns2,
    key: "c",
    shortcut: "C",
    group: "use",
    isPossible: (app) => app.gallery.images.length > 1,
    run: compareWith,
  },
  {
    id: "parameters",
    label: "Use its parameters",
    shortLabel: "Parameters",
    icon: ClipboardPaste,
    key: "p",
    shortcut: "P",
    group: "parameters",
    isPossible: () => true,
    run: (app, { parameters }) => {
      app.draft.restore(parameters);
      app.tab = parameters.task;
      app.toasts.show("The form has the parameters of this image.");
    },
  },
  {
    id: "seed",
    label: "Use its seed",
    shortLabel: "Seed",
    icon: Hash,
    key: "s",
    shortcut: "S",
    group: "parameters",
    isPossible: () => true,
    run: ({ draft, toasts }, { parameters: { seed } }) => {
      draft.seed = seed;
      draft.isSeedLocked = true;
      toasts.show(`The next image has the seed ${String(seed)}.`);
    },
  },
  {
    id: "copy",
    label: "Copy the image",
    shortLabel: "Copy",
    icon: Copy,
    key: undefined,
    shortcut: "Ctrl C",
    group: "file",
    isPossible: () => "ClipboardItem" in globalThis,
    run: copy,
  },
  {
    id: "download",
    label: "Download the PNG with its parameters",
    shortLabel: "Download",
    icon: Download,
    key: "d",
    shortcut: "D",
    group: "file",
    isPossible: () => true,
    run: (_, image) => {
      downloadEach([image]);
    },
  },
  {
    id: "link",
    label: "Copy a link with its parameters",
    shortLabel: "Link",
    icon: Link,
    key: "l",
    shortcut: "L",
    group: "file",
    isPossible: () => true,
    run: copyLink,
  },
  {
    id: "delete",
    label: "Delete",
    shortLabel: "Delete",
    icon: Trash,
    key: "delete",
    shortcut: "Del",
    group: "file",
    isPossible: () => true,
    run: remove,
  },
];

/** The actions for an image as the items of a menu. */
export function actionItems(
  app: AppState,
  image: KeptImage,
  isShown: (action: ImageAction) => boolean = () => true,
): readonly MenuItem[] {
  return IMAGE_ACTIONS.filter(isShown).map((action, i, shown) => ({
    id: action.id,
    label: action.label,
    icon: action.icon,
    shortcut: action.shortcut,
    isDisabled: !action.isPossible(app, image),
    startsGroup: i > 0 && shown[i - 1]!.group !== action.group,
    run: () => void action.run(app, image),
  }));
}

/** The action of a key; undefined if there is none. Backspace deletes too. */
export function actionOfKey(key: string): ImageAction | undefined {
  const name = key === "Backspace" ? "delete" : key.toLowerCase();
  return IMAGE_ACTIONS.find((action) => action.key === name);
}

function useIn(task: Task, label: string, icon: Component, key: string): ImageAction {
  return {
    id: task,
    label,
    shortLabel: TASK_NAMES[task],
    icon,
    key,
    shortcut: key.toUpperCase(),
    group: "use",
    isPossible: () => true,
    run: async (app, image) => {
      app.isFullView = false;
      app.tab = task;
      await app.draft.useAsInput(task, image);
    },
  };
}

async function copy({ toasts }: AppState, { file }: KeptImage): Promise<void> {
  try {
    await navigator.clipboard.write([new ClipboardItem({ "image/png": file })]);
    toasts.show("The image is in the clipboard.");
  } catch {
    toasts.show("This browser did not let the page copy. Download the image instead.");
  }
}

async function copyLink({ toasts }: AppState, { parameters, model }: KeptImage): Promise<void> {
  const link = linkTo(location.href, parameters, model.id);
  try {
    await navigator.clipboard.writeText(link);
    toasts.show("The link is in the clipboard. It holds the parameters, not the image.");
  } catch {
    // Where pages may not copy, the address bar holds it.
    history.replaceState(history.state, "", link);
    toasts.show("This browser did not let the page copy. The link is in the address bar.");
  }
}

function remove(app: AppState, { id }: KeptImage): void {
  const { shown } = app;
  // Before it is gone: then nothing is in view.
  const next = isShown(app, id) ? app.viewer.neighbour(id) : shown;
  const undo = app.gallery.remove([id]);
  app.shown = next;
  if (!app.viewer.target) app.isFullView = false;
  app.toasts.show("The image is deleted.", {
    label: "Undo",
    run: () => {
      undo();
      app.shown = shown;
    },
  });
}

/** Whether an image alone is in view. In a grid the others stay. */
function isShown({ viewer, shown }: AppState, id: string): boolean {
  return viewer.image?.kept?.id === id || (shown.kind === "compare" && shown.ids.includes(id));
}
