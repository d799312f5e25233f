import { expect, it } from "vitest";
import { TimeShare } from "../../../src/cli/generating/time-share.js";

/** A clock that a test sets, and the share in percent that is shown at a time. */
function shareAt(): { at: (milliseconds: number, left?: number) => number } {
  let now = 0;
  const time = new TimeShare(() => now);
  const at = (milliseconds: number, left?: number): number => {
    now = milliseconds;
    if (left !== undefined) time.update(left);
    return Math.round(100 * time.now!.share);
  };
  return { at };
}

it("is the share of the time if estimates are right", () => {
  const { at } = shareAt();
  expect([100, 250, 500, 900, 1000].map((now) => at(now, 1000 - now))).toEqual([10, 25, 50, 90, 100]);
});

it("grows in every step of a slow network that follows a fast one", () => {
  const { at } = shareAt();
  expect(at(100, 100)).toBe(50);
  // 13 steps of a second, of which nothing was known before the first.
  const shown = Array.from({ length: 13 }, (_, step) => at(100 + 1000 * (step + 1), 1000 * (12 - step)));
  for (const [step, share] of shown.entries()) expect(share).toBeGreaterThan(shown[step - 1] ?? 50);
  expect(shown.at(-1)).toBe(100);
});

it("never shrinks, and grows within a step without reaching its end too early", () => {
  const { at } = shareAt();
  at(100, 900);
  const shown = [100, 300, 1000, 5000, 100_000].map((now) => at(now));
  expect(shown).toEqual([...shown].sort((a, b) => a - b));
  expect(shown[1]).toBeGreaterThan(shown[0]!);
  expect(shown.at(-1)).toBeLessThan(100);
  expect(at(100_001, 1_000_000)).toBeGreaterThanOrEqual(shown.at(-1)!);
});

it("counts the time left down within a step, to zero at least", () => {
  let now = 0;
  const time = new TimeShare(() => now);
  expect(time.now).toBeUndefined();
  time.update(500);
  now = 200;
  expect(time.now?.millisecondsLeft).toBe(300);
  now = 900;
  expect(time.now?.millisecondsLeft).toBe(0);
});
