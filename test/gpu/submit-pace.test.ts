import { expect, it } from "vitest";
import { SubmitPace } from "../../src/gpu/submit-pace.js";

it("bounds the time of a submit by what commands have taken, and begins with few", () => {
  let now = 1000;
  const pace = new SubmitPace(() => now);
  const first = pace.limit;
  expect(first).toBeLessThan(64);
  // A slow device: 4 ms for each command.
  const slow = pace.submit(100);
  now += 400;
  pace.done(slow);
  expect(pace.limit * 4).toBeLessThanOrEqual(100);
  expect(pace.limit).toBeLessThan(first);
  // Time in which it had nothing to do does not count.
  now += 60_000;
  const fast = pace.submit(1000);
  now += 20;
  pace.done(fast);
  expect(pace.limit).toBeGreaterThan(first);
  // A device that takes seconds for each command still gets some.
  const endless = pace.submit(10);
  now += 60_000;
  pace.done(endless);
  expect(pace.limit).toBeGreaterThanOrEqual(1);
});

it("counts commands of several streams once, whichever is waited for first", () => {
  let now = 0;
  const pace = new SubmitPace(() => now);
  const [a, b] = [pace.submit(50), pace.submit(50)];
  now += 100;
  pace.done(b);
  const { limit } = pace;
  expect(limit).toBe(50);
  now += 1000;
  pace.done(a);
  expect(pace.limit).toBe(limit);
});
