// A thousand requests at once, over sockets, to a server in a process of its own. `npm run stress -- load` sends more.
import { beforeAll, describe, expect, it } from "vitest";
import { HELD_GROWTH, RSS_GROWTH, runLoad, type LoadResult } from "./load.js";

/** One key sends more than all others together. */
const CLIENTS = { greedy: 30, a: 5, b: 5, c: 5, d: 5 };
const MAX_WAITING = 40;

describe("1000 requests of 50 clients to a queue with room for 40", () => {
  let result: LoadResult;
  beforeAll(async () => {
    result = await runLoad({ requests: 1000, clients: CLIENTS, maxWaitingJobs: MAX_WAITING, maxBatchSize: 8 });
  });

  it("all end in their images, however often they were refused before", () => {
    expect(result.lost).toEqual([]);
    expect(result.computed.size).toBe(1000);
  });

  it("are computed once, also those that are sent twice", () => {
    expect(result.repeated).toEqual([]);
  });

  it("are refused where the queue is full, with a time to come back", () => {
    expect([...result.refusals.keys()]).toEqual([503]);
    expect(result.refusals.get(503)).toBeGreaterThan(20);
    expect(result.mute).toBe(0);
  });

  it("wait in a bounded queue, of which nothing is left at the end", () => {
    const [, last] = result.reports;
    expect(last.mostWaitingJobs).toBeGreaterThan(MAX_WAITING / 2);
    expect(last.mostWaitingJobs).toBeLessThanOrEqual(MAX_WAITING);
    expect(last).toMatchObject({ waitingJobs: 0, runningJobs: 0, errors: [] });
  });

  it("are shared out fairly between keys, however many clients a key has", () => {
    const shares = [...result.shares.values()];
    // The queue itself allows a batch more or less. Clients of a small key may all be between two requests for a moment.
    // Enough to compare: how many are counted depends on when the opening rush ends.
    expect(Math.min(...shares)).toBeGreaterThan(15);
    expect(Math.max(...shares) / Math.min(...shares)).toBeLessThan(2);
  });

  it("leave the memory as it was", () => {
    const [first, last] = result.reports;
    expect(last.heldBytes - first.heldBytes).toBeLessThan(HELD_GROWTH);
    expect(last.rssBytes - first.rssBytes).toBeLessThan(RSS_GROWTH);
  });
});
