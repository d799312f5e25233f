import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TokenBucket } from "../../../src/server/guard/token-bucket.js";
import { duration } from "../../../src/server/guard/rate-limit.js";

describe("a token bucket", () => {
  it("is full at first, empties, and fills evenly", () => {
    let now = 0;
    const bucket = new TokenBucket(60, 60_000, () => now);
    for (let i = 0; i < 60; i++) expect(bucket.take(1)).toBe(0);
    expect([bucket.take(1), bucket.left, bucket.msUntilFull]).toEqual([1000, 0, 60_000]);
    now = 999;
    expect(bucket.take(1)).toBe(1);
    now = 1000;
    expect(bucket.take(1)).toBe(0);
    now = 1_000_000;
    expect(bucket.left).toBe(60);
  });

  it("never gives what it cannot hold", () => {
    const bucket = new TokenBucket(3, 1000, () => 0);
    expect([bucket.take(4), bucket.left]).toEqual([Infinity, 3]);
  });

  it("takes back, and keeps what was taken when it is resized", () => {
    const bucket = new TokenBucket(10, 1000, () => 0);
    bucket.take(6);
    bucket.resize(8);
    expect(bucket.left).toBe(2);
    bucket.giveBack(100);
    expect(bucket.left).toBe(8);
    bucket.take(8);
    bucket.resize(4);
    expect(bucket.left).toBe(0);
  });

  it("gives no more than its capacity and what came since, whatever the order of calls", () => {
    const calls = fc.array(fc.record({ amount: fc.integer({ min: 1, max: 12 }), wait: fc.nat(300) }));
    fc.assert(
      fc.property(calls, (list) => {
        let now = 0;
        let given = 0;
        const bucket = new TokenBucket(10, 1000, () => now);
        for (const { amount, wait } of list) {
          now += wait;
          if (bucket.take(amount) === 0) given += amount;
          expect(given).toBeLessThanOrEqual(10 + now / 100 + 1e-6);
        }
      }),
    );
  });

  it("gives an amount after the time that it said", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10 }), fc.integer({ min: 1, max: 10 }), (first, second) => {
        let now = 0;
        const bucket = new TokenBucket(10, 1000, () => now);
        bucket.take(first);
        now += bucket.take(second);
        const wasGiven = now === 0;
        expect(wasGiven || bucket.take(second) === 0).toBe(true);
      }),
    );
  });
});

it.each([
  [0, "0ms"],
  [19.2, "20ms"],
  [1000, "1s"],
  [360_000, "6m0s"],
  [3_600_000, "1h0m0s"],
  [3_725_001, "1h2m6s"],
])("writes a time as OpenAI does: %i", (ms, text) => {
  expect(duration(ms)).toBe(text);
});
