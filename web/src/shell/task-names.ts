import type { Task } from "../jobs/request.js";

/** What tasks are called. */
export const TASK_NAMES: Readonly<Record<Task, string>> = {
  create: "Create",
  variations: "Variations",
  inpaint: "Inpaint",
  upscale: "Upscale",
  interpolate: "Interpolate",
  edit: "Edit",
};
