// @vitest-environment happy-dom
import { flushSync } from "svelte";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { AppState } from "../../../web/src/app-state.svelte.js";
import { Job } from "../../../web/src/jobs/job.svelte.js";
import { SHAPES } from "../../../web/src/models/model-choice.js";
import { offerUpdates } from "../../../web/src/offline/offer-updates.svelte.js";
import { Toasts } from "../../../web/src/shell/toasts.svelte.js";
import type { UpdateNotices } from "../../../web/src/offline/page-updates.js";

const parameters = { task: "create", prompts: ["a"], count: 1, seed: 1, prior: {}, unets: [] } as const;
const watched: UpdateNotices[] = [];
const show = vi.fn();
let end = (): void => undefined;

vi.mock("../../../web/src/offline/page-updates.js", () => ({
  watchPageUpdates: (notices: UpdateNotices) => {
    watched.push(notices);
    return Promise.resolve();
  },
}));

function offerWith(jobs: readonly Job[], toasts: Pick<Toasts, "show"> = { show }): UpdateNotices {
  const app = { toasts, queue: { jobs } } as unknown as AppState;
  end = $effect.root(() => {
    offerUpdates(app);
  });
  return watched.at(-1)!;
}

beforeEach(() => {
  show.mockClear();
});

afterEach(() => {
  end();
});

it.each(["queued", "opening", "generating"] as const)(
  "offers a new version once a job that is %s is over",
  (status) => {
    const job = new Job({ parameters, images: [] }, SHAPES);
    job.status = status;
    offerWith([job]).onReady(() => undefined);
    flushSync();
    expect(show).not.toHaveBeenCalled();
    job.status = "done";
    flushSync();
    expect(show).toHaveBeenCalledTimes(1);
  },
);

it("offers a new version at once if nothing waits or runs", () => {
  const reload = vi.fn();
  offerWith([]).onChanged(reload);
  flushSync();
  expect(show).toHaveBeenCalledWith(expect.stringContaining("another tab"), { label: "Reload", run: reload });
});

it("offers a new version once, also if another tab takes it while it is offered", () => {
  const toasts = new Toasts();
  const notices = offerWith([], toasts);
  notices.onReady(() => undefined);
  flushSync();
  notices.onChanged(() => undefined);
  flushSync();
  expect(toasts.list.map(({ message }) => message)).toEqual([expect.stringContaining("another tab")]);
  for (const toast of toasts.list) toasts.dismiss(toast);
});
