import { expect, it } from "vitest";
import { median, timeOf } from "../../../src/cli/bench/timing.js";

/** A device and a clock where each encoded run takes a time of its own, and each wait 10 ms. */
function simulated(millisecondsOf: (run: number) => number) {
  let [wall, runs, waits] = [0, 0, 0];
  const stream = {
    sync: () => {
      waits++;
      wall += 10;
      return Promise.resolve();
    },
  };
  return {
    stream,
    encode: () => {
      wall += millisecondsOf(runs++);
    },
    clock: { wall: () => wall, cpu: () => 2 * wall },
    get counts() {
      return { runs, waits };
    },
  };
}

it("encodes short work so often between waits that waiting hardly counts", async () => {
  const fake = simulated(() => 0.5);
  const { wall, cpu } = await timeOf(fake.stream, fake.encode, 200, fake.clock);
  expect(wall).toBeGreaterThan(0.5);
  // A wait of 10 ms in each sample of at least 50 / (0.5 + 10) = 5 runs.
  expect(wall).toBeLessThanOrEqual(0.5 + 10 / 5);
  expect(cpu).toBeCloseTo(2 * wall, 9);
});

it("does not count the first run, which compiles, and leaves out outliers", async () => {
  const fake = simulated((run) => (run === 0 ? 10_000 : run === 3 ? 900 : 100));
  const { wall } = await timeOf(fake.stream, fake.encode, 2000, fake.clock);
  expect(wall).toBe(110);
});

it("takes a sample even without a budget", async () => {
  const fake = simulated(() => 300);
  expect(await timeOf(fake.stream, fake.encode, 0, fake.clock)).toEqual({ wall: 310, cpu: 620 });
  expect(fake.counts.runs).toBe(3);
});

it("finds the median of an odd and an even number of values", () => {
  expect(median([5, 1, 100])).toBe(5);
  expect(median([4, 1, 100, 2])).toBe(3);
});
