import { describe, expect, it } from "vitest";
import type { OpenProgress } from "../../../web/src/engine/engine.js";
import { Opening } from "../../../web/src/engine/opening.js";
import { Rate } from "../../../web/src/engine/rate.js";

/** A clock that the test moves. */
function handClock() {
  let now = 0;
  return {
    clock: () => now,
    pass: (milliseconds: number) => {
      now += milliseconds;
    },
  };
}

const MB = 1e6;

describe("a rate", () => {
  it("is what came in a second, without what was there before", () => {
    const { clock, pass } = handClock();
    const rate = new Rate(clock);
    rate.add(500 * MB);
    expect(rate.perSecond).toBeUndefined();
    for (let i = 1; i <= 10; i++) {
      pass(200);
      rate.add((500 + i) * MB);
    }
    expect(rate.perSecond).toBeCloseTo(5 * MB, -1);
    expect(rate.millisecondsFor(10 * MB)).toBeCloseTo(2000, 3);
  });

  it("follows a change within seconds, and is not shaken by one slow moment", () => {
    const { clock, pass } = handClock();
    const rate = new Rate(clock);
    let amount = 0;
    const run = (perSecond: number, seconds: number) => {
      for (let i = 0; i < seconds * 10; i++) {
        pass(100);
        amount += perSecond / 10;
        rate.add(amount);
      }
    };
    run(100, 20);
    run(0, 0.5);
    expect(rate.perSecond).toBeGreaterThan(80);
    run(10, 15);
    expect(rate.perSecond).toBeLessThan(15);
    run(0, 60);
    expect(rate.millisecondsFor(1)).toBeGreaterThan(1e6);
  });

  it("starts again where an amount falls, and waits for time to pass", () => {
    const { clock, pass } = handClock();
    const rate = new Rate(clock);
    rate.add(100);
    rate.add(200);
    pass(1000);
    rate.add(300);
    expect(rate.perSecond).toBeCloseTo(200);
    rate.add(0);
    pass(1000);
    rate.add(200);
    expect(rate.perSecond).toBeCloseTo(200);
  });
});

describe("the opening of a model", () => {
  const download = (file: string, loadedBytes: number, totalBytes?: number): OpenProgress => ({
    stage: "download",
    file,
    loadedBytes,
    totalBytes,
  });

  it("adds up files, with the speed of what arrives now and the time left", () => {
    const { clock, pass } = handClock();
    const opening = new Opening(undefined, clock);
    expect(opening.state.stage).toBe("start");
    opening.add(download("https://a.org/x/one.pth", 40 * MB, 100 * MB));
    opening.add(download("https://a.org/x/two.pth", 0, 100 * MB));
    for (let i = 1; i <= 10; i++) {
      pass(50);
      opening.add(download("https://a.org/x/one.pth", (40 + i) * MB, 100 * MB));
      pass(50);
      opening.add(download("https://a.org/x/two.pth", i * MB, 100 * MB));
    }
    const { stage, download: files, bytesPerSecond, millisecondsLeft } = opening.state;
    expect(stage).toBe("download");
    expect(files).toMatchObject({ loadedBytes: 60 * MB, totalBytes: 200 * MB, isDone: false });
    expect(files!.files.map(({ name }) => name)).toEqual(["one.pth", "two.pth"]);
    expect(bytesPerSecond! / MB).toBeCloseTo(20, 0);
    expect(millisecondsLeft! / 1000).toBeCloseTo(7, 0);
  });

  it("goes through its stages, and its share never falls", () => {
    const opening = new Opening();
    const seen: string[] = [];
    let last = 0;
    const add = (progress: OpenProgress): void => {
      opening.add(progress);
      expect(opening.state.fraction).toBeGreaterThanOrEqual(last);
      last = opening.state.fraction;
      if (seen.at(-1) !== opening.state.stage) seen.push(opening.state.stage);
    };
    add({ stage: "compile", compiled: 0, total: 10 });
    add({ stage: "compile", compiled: 5, total: 10 });
    add(download("a", 0, 10));
    add(download("a", 10, 10));
    add(download("b", 0, 1000));
    add({ stage: "weights", file: "U-Net 1", loadedBytes: 0, totalBytes: 5 });
    add(download("b", 1000, 1000));
    add({ stage: "weights", file: "U-Net 1", loadedBytes: 5, totalBytes: 5 });
    add({ stage: "compile", compiled: 10, total: 10 });
    expect(seen).toEqual(["compile", "download", "compile", "download", "weights", "compile", "weights"]);
    expect(last).toBeCloseTo(1);
    expect(opening.state.bytesPerSecond).toBeUndefined();
  });

  it("knows the total before all files have begun, if the model says it", () => {
    const opening = new Opening(100);
    opening.add(download("https://a.org/a%20b", 5, 10));
    expect(opening.state.download).toMatchObject({ loadedBytes: 5, totalBytes: 100, isDone: false });
    expect(opening.state.download?.files[0]?.name).toBe("a b");
    opening.add(download("b", 0, 200));
    expect(opening.state.download?.totalBytes).toBe(210);
    const others = new Opening(100);
    others.add(download("a", 10, 10));
    expect(others.state.download).toMatchObject({ totalBytes: 10, isDone: true });
    const unknown = new Opening();
    unknown.add(download("a", 10));
    expect(unknown.state.download).toMatchObject({ totalBytes: undefined, isDone: false });
    expect(unknown.state.millisecondsLeft).toBeUndefined();
  });
});
