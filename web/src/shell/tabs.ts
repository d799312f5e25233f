import type { Component } from "svelte";
import Blend from "@lucide/svelte/icons/blend";
import Brush from "@lucide/svelte/icons/brush";
import Images from "@lucide/svelte/icons/images";
import PenLine from "@lucide/svelte/icons/pen-line";
import Scaling from "@lucide/svelte/icons/scaling";
import Shuffle from "@lucide/svelte/icons/shuffle";
import type { Tab } from "../app-state.svelte.js";
import CreateForm from "../forms/CreateForm.svelte";
import InpaintForm from "../forms/InpaintForm.svelte";
import InterpolateForm from "../forms/InterpolateForm.svelte";
import UpscaleForm from "../forms/UpscaleForm.svelte";
import VariationsForm from "../forms/VariationsForm.svelte";
import type { Task } from "dalle2-webgpu/requests";
import { TASK_NAMES } from "./task-names.js";

/** A tab as it is shown. Interpolation and edits share one. */
export interface TabEntry {
  readonly id: Exclude<Tab, "edit">;
  readonly label: string;
  /** Where there is little room. The label begins with it. */
  readonly shortLabel: string;
  readonly icon: Component;
  /** Undefined for the history, which has no form. */
  readonly form: Component | undefined;
}

/** The tabs in order. */
export const TABS: readonly TabEntry[] = [
  { id: "create", ...named("create"), icon: PenLine, form: CreateForm },
  { id: "variations", ...named("variations"), icon: Shuffle, form: VariationsForm },
  { id: "inpaint", ...named("inpaint"), icon: Brush, form: InpaintForm },
  { id: "upscale", ...named("upscale"), icon: Scaling, form: UpscaleForm },
  { id: "interpolate", ...named("interpolate"), label: "Interpolate & edit", icon: Blend, form: InterpolateForm },
  { id: "history", label: "History", shortLabel: "History", icon: Images, form: undefined },
];

function named(task: Task): Pick<TabEntry, "label" | "shortLabel"> {
  return { label: TASK_NAMES[task], shortLabel: TASK_NAMES[task] };
}

/** The tab that shows a task. */
export function tabOf(tab: Tab): TabEntry["id"] {
  return tab === "edit" ? "interpolate" : tab;
}
