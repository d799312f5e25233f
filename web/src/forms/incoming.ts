// What comes from outside the page: links, dropped and pasted images.
import type { AppState } from "../app-state.svelte.js";
import { missingOfRecord, modelOfRecord, parametersOfRecord } from "../jobs/record.js";
import type { RequestParameters, Task } from "dalle2-webgpu/requests";
import { IMAGES_OF, type RestoredParameters } from "./draft.svelte.js";
import { parseLink } from "./link.js";

/** An image from outside that says how it was generated. */
export interface RecordedFile {
  readonly file: File;
  readonly parameters: RequestParameters;
  /** What the parameters do not hold, a sentence for each. */
  readonly missing: readonly string[];
  /** Id of its model. */
  readonly modelId: string;
}

/** The task that takes an image now: that of the tab, or variations. */
export function imageTask({ tab }: Pick<AppState, "tab">): Task {
  return tab !== "history" && IMAGES_OF[tab] > 0 ? tab : "variations";
}

/** Reads how an image was generated; undefined if its file does not say, or not in a way that can be read. */
export async function readRecorded(engine: AppState["engine"], file: File): Promise<RecordedFile | undefined> {
  try {
    const { record } = await engine.readRecord(file);
    const parameters = record && parametersOfRecord(record);
    if (!parameters) return undefined;
    return { file, parameters, missing: missingOfRecord(record), modelId: modelOfRecord(record) };
  } catch {
    // Whatever the file is, it can be used as an image, or that says what is wrong.
    return undefined;
  }
}

/** Makes images the input of the task that takes them, in its tab. */
export async function useImages(app: AppState, files: readonly File[]): Promise<void> {
  const task = imageTask(app);
  app.tab = task;
  if (task === "interpolate") app.draft.ends = "images";
  const taken = files.slice(0, IMAGES_OF[task]);
  for (const [i, file] of taken.entries()) {
    // Several replace whatever is there; one goes where there is room.
    const index = taken.length > 1 ? i : undefined;
    await app.draft.useAsInput(task, { file, prompt: undefined, name: file.name }, index);
  }
}

/** Fills the form with parameters and shows it. Starts nothing. */
export function restoreParameters(app: AppState, parameters: RestoredParameters, modelId: string | undefined): void {
  const { session, toasts, draft } = app;
  app.tab = draft.restore(parameters);
  const isOther = modelId !== undefined && modelId !== session.choice.id;
  if (isOther) toasts.show(`These parameters are for the model “${modelId}”. Choose it to get the same image.`);
  else {
    const next = draft.problem(parameters.task)?.message ?? "Generate when you are ready.";
    toasts.show(`The form is filled. ${next}`);
  }
}

/** Fills the form from the link that opened the page. Returns whether it holds parameters. */
export function openLink(app: AppState, hash: string): boolean {
  const content = parseLink(hash);
  if (content) restoreParameters(app, content.parameters, content.modelId);
  return content !== undefined;
}
