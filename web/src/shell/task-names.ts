import type { Task } from "dalle2-webgpu/requests";

/** What tasks are called. */
export const TASK_NAMES: Readonly<Record<Task, string>> = {
  create: "Create",
  variations: "Variations",
  inpaint: "Inpaint",
  upscale: "Upscale",
  interpolate: "Interpolate",
  edit: "Edit",
};
