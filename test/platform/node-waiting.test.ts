import { describe, expect, it } from "vitest";
import { DeviceWaits, type EventLoop } from "../../src/platform/node-waiting.js";

/** An event loop whose turns the test takes. Each turn costs 0.02 ms beside what it sleeps, and wakes 0.07 ms late. */
class FakeLoop implements EventLoop {
  time = 0;
  handled: number | undefined = 0;
  readonly slept: number[] = [];
  #next: (() => void)[] = [];

  readonly now = (): number => this.time;
  readonly events = (): number | undefined => this.handled;
  readonly sleep = (milliseconds: number): void => {
    this.slept.push(milliseconds);
    this.time += milliseconds + 0.07;
  };
  readonly nextTurn = (callback: () => void): void => {
    this.#next.push(callback);
  };

  /** Number of functions that wait for the next turn. */
  get scheduled(): number {
    return this.#next.length;
  }

  turn(): void {
    this.time += 0.02;
    for (const callback of this.#next.splice(0)) callback();
  }

  turnUntil(time: number): void {
    while (this.time < time) this.turn();
  }
}

/** Work of a device that the test ends. */
function work() {
  let resolve!: (result: string) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<string>((...functions) => ([resolve, reject] = functions));
  return { promise, resolve, reject };
}

describe("waiting for the device", () => {
  it("passes results and errors on", async () => {
    const waits = new DeviceWaits(new FakeLoop());
    await expect(waits.until(Promise.resolve("done"))).resolves.toBe("done");
    await expect(waits.until(Promise.reject(new Error("lost")))).rejects.toThrow("lost");
  });

  it("sleeps at most 1 ms in a turn, and in all but the first turns of a long wait", () => {
    const loop = new FakeLoop();
    void new DeviceWaits(loop).until(work().promise);
    loop.turnUntil(100);
    expect(Math.max(...loop.slept)).toBe(1);
    expect(loop.slept.reduce((sum, one) => sum + one)).toBeGreaterThan(85);
  });

  it("ends a short wait late by at most an eighth of it", () => {
    const loop = new FakeLoop();
    void new DeviceWaits(loop).until(work().promise);
    for (let last = 0; loop.time < 8; last = loop.time) {
      loop.turn();
      expect(loop.time - last).toBeLessThanOrEqual(Math.max(0.02, (last + 0.02) / 8 + 0.0201));
    }
    expect(loop.slept.length).toBeGreaterThan(0);
  });

  it("does not sleep while files or connections are busy", () => {
    const loop = new FakeLoop();
    void new DeviceWaits(loop).until(work().promise);
    loop.turnUntil(50);
    const before = loop.slept.length;
    for (let turn = 0; turn < 100; turn++) {
      loop.handled!++;
      loop.turn();
    }
    expect(loop.slept.length).toBe(before);
    loop.turnUntil(loop.time + 20);
    expect(loop.slept.length).toBeGreaterThan(before);
  });

  it("sleeps also where the runtime does not count events", () => {
    const loop = new FakeLoop();
    loop.handled = undefined;
    void new DeviceWaits(loop).until(work().promise);
    loop.turnUntil(50);
    expect(loop.slept.length).toBeGreaterThan(0);
  });

  it("sleeps until the last of several waits has ended, in one place of each turn", async () => {
    const loop = new FakeLoop();
    const waits = new DeviceWaits(loop);
    const [first, second] = [work(), work()];
    const ended = waits.until(first.promise);
    const failed = waits.until(second.promise).catch(() => "failed");
    expect(loop.scheduled).toBe(1);
    loop.turnUntil(50);
    first.resolve("done");
    expect(await ended).toBe("done");
    const before = loop.slept.length;
    loop.turn();
    expect(loop.slept.length).toBe(before + 1);
    second.reject(new Error("lost"));
    expect(await failed).toBe("failed");
    loop.turn();
    expect(loop.slept.length).toBe(before + 1);
    expect(loop.scheduled).toBe(0);
  });

  it("starts again with the next wait", async () => {
    const loop = new FakeLoop();
    const waits = new DeviceWaits(loop);
    await waits.until(Promise.resolve("done"));
    // The turn after the first wait has not come yet.
    void waits.until(work().promise);
    expect(loop.scheduled).toBe(1);
    loop.turnUntil(50);
    expect(loop.slept.length).toBeGreaterThan(0);
  });
});
