import { describe, expect, it } from "vitest";
import { placeJobs, type ModelState } from "../../../src/server/queue/placement.js";
import type { WorkerAnnouncement } from "../../../src/server/queue/registry.js";

function state(model: string, isLoaded: boolean, waitedMs: number, neglectedMs = waitedMs, openMs = 0): ModelState {
  return { model, isLoaded, waitedMs, neglectedMs, openMs };
}

function worker(id: string, fields: Partial<WorkerAnnouncement> = {}): WorkerAnnouncement {
  const nothing = { loaded: [], failing: [], runningJobs: 0, doneImages: 0, isClosing: false, devices: [] };
  return { id, version: "1", host: "h", pid: 1, startedAt: 0, models: ["a", "b", "c"], ...nothing, ...fields };
}

const place = (states: readonly ModelState[], workers: readonly WorkerAnnouncement[], id = "me") =>
  placeJobs(states, { id, workers, loadAfterMs: 10_000 });

describe("a free worker", () => {
  it("takes jobs of open models, the longest wait first", () => {
    expect(place([state("a", true, 5), state("b", true, 50)], [worker("me")])).toEqual(["b", "a"]);
  });

  it("opens a model that nobody has open, after jobs of open ones", () => {
    expect(place([state("a", true, 5), state("b", false, 50)], [worker("me")])).toEqual(["a", "b"]);
  });

  it("leaves that to a worker with less to do, to one with fewer models, then to the first", () => {
    const states = [state("b", false, 50)];
    expect(place(states, [worker("me", { runningJobs: 1 }), worker("other")])).toEqual([]);
    expect(place(states, [worker("me", { loaded: ["a"] }), worker("other")])).toEqual([]);
    expect(place(states, [worker("me"), worker("another")])).toEqual([]);
    expect(place(states, [worker("me"), worker("other")])).toEqual(["b"]);
  });

  it("does not count workers that close, cannot open it, or do not offer it", () => {
    const states = [state("b", false, 50)];
    const others = [
      worker("a1", { isClosing: true }),
      worker("a2", { failing: ["b"] }),
      worker("a3", { models: ["a"] }),
    ];
    expect(place(states, [...others, worker("me")])).toEqual(["b"]);
  });

  it("does not open what another has open, until its jobs were neglected for too long", () => {
    const workers = [worker("me"), worker("other", { loaded: ["b"] })];
    expect(place([state("b", false, 9000)], workers)).toEqual([]);
    expect(place([state("b", false, 10, 10_000)], workers)).toEqual(["b"]);
    // Opening it takes 20 s.
    expect(place([state("b", false, 10, 30_000, 20_000)], workers)).toEqual([]);
    expect(place([state("b", false, 10, 40_000, 20_000)], workers)).toEqual(["b"]);
  });

  it("puts neglected models before those that it has open", () => {
    expect(place([state("a", true, 5), state("b", false, 10_000)], [worker("me", { loaded: ["a"] })])).toEqual([
      "b",
      "a",
    ]);
  });
});
