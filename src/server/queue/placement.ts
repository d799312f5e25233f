// Which queue a free worker takes its next jobs from.
import type { WorkerAnnouncement } from "./registry.js";

/** A model that the worker offers, and its queue. */
export interface ModelState {
  readonly model: string;
  /** Whether it is open on this worker. */
  readonly isLoaded: boolean;
  /** How long the job that is next has been seen waiting. */
  readonly waitedMs: number;
  /** How long jobs have waited without this worker taking one. */
  readonly neglectedMs: number;
  /** How long opening it took the last time; 0 if it is not known. */
  readonly openMs: number;
}

/** What a free worker decides by. */
export interface Placement {
  /** Id of the worker. */
  readonly id: string;
  /** The workers of its version, with itself. */
  readonly workers: readonly WorkerAnnouncement[];
  /** After this time with waiting jobs, a worker opens a model, even if others have it open. */
  readonly loadAfterMs: number;
}

/**
 * The models whose jobs a free worker may take, the best first. `states` are the models with waiting jobs.
 *
 * A worker takes jobs of the models that it has open, the longest wait first. A model that nobody has open is opened at once by the
 * least loaded worker. Any worker opens a model that has had waiting jobs for too long: its workers are too few, or the one that
 * should have opened it has gone. That time is at least twice what opening takes, so that workers do not spend most of their time
 * with it.
 */
export function placeJobs(states: readonly ModelState[], placement: Placement): readonly string[] {
  const { loadAfterMs } = placement;
  const isLate = ({ neglectedMs, openMs }: ModelState) => neglectedMs >= Math.max(loadAfterMs, 2 * openMs);
  const closed = states.filter(({ isLoaded }) => !isLoaded);
  const late = closed.filter(isLate);
  const unclaimed = closed.filter((state) => !isLate(state) && isOwnToOpen(state.model, placement));
  const open = states.filter(({ isLoaded }) => isLoaded);
  return [late, open, unclaimed].flatMap((group) =>
    group.toSorted((a, b) => b.waitedMs - a.waitedMs).map(({ model }) => model),
  );
}

/** Whether nobody has a model open, and this worker is the one that opens it. */
function isOwnToOpen(model: string, { id, workers }: Placement): boolean {
  const able = workers.filter((one) => one.models.includes(model) && !one.failing.includes(model) && !one.isClosing);
  if (able.some(({ loaded }) => loaded.includes(model))) return false;
  const [first] = able.toSorted(
    (a, b) => a.runningJobs - b.runningJobs || a.loaded.length - b.loaded.length || (a.id < b.id ? -1 : 1),
  );
  return first?.id === id;
}
