// Dawn's binding for Node asks the device in each turn of the event loop whether its work is done, and so takes a whole core
// while it waits. Software adapters compute on the same cores.
import { performance } from "node:perf_hooks";
import { setImmediate } from "node:timers";

/** Share of the time waited so far that a turn sleeps: a wait ends later by at most this share. */
const SHARE = 1 / 8;
/** How much later than asked for Linux wakes a thread. */
const LATE_MS = 0.07;
const SHORTEST_MS = 0.05;
/** What else happens in the process is delayed by at most this in a turn. */
const LONGEST_MS = 1;

/** The event loop of the thread. */
export interface EventLoop {
  /** Time in milliseconds. */
  readonly now: () => number;
  /** Number of inputs and outputs that were handled so far; undefined if the runtime does not count them. */
  readonly events: () => number | undefined;
  /** Blocks the thread. */
  readonly sleep: (milliseconds: number) => void;
  /** Calls a function in the next turn. Does not keep the process alive. */
  readonly nextTurn: (callback: () => void) => void;
}

const sleeper = new Int32Array(new SharedArrayBuffer(4));
// Bun has no such counts.
const timing: Partial<Pick<typeof performance.nodeTiming, "uvMetricsInfo">> = performance.nodeTiming;

const eventLoop: EventLoop = {
  now: () => performance.now(),
  events: () => timing.uvMetricsInfo?.events,
  sleep: (milliseconds) => {
    Atomics.wait(sleeper, 0, 0, milliseconds);
  },
  nextTurn: (callback) => {
    setImmediate(callback).unref();
  },
};

/**
 * Lets the thread sleep in each turn of the event loop while something waits for the device. A turn sleeps the longer, the
 * longer the youngest wait already takes, so that short waits stay short; and not at all while files or connections are busy.
 */
export class DeviceWaits {
  #count = 0;
  #since = 0;
  #events: number | undefined;
  #isTurning = false;

  constructor(private readonly loop: EventLoop = eventLoop) {}

  /** Waits for work of the device. */
  async until<Result>(work: Promise<Result>): Promise<Result> {
    this.#count++;
    this.#since = this.loop.now();
    if (!this.#isTurning) {
      this.#isTurning = true;
      this.#events = this.loop.events();
      this.loop.nextTurn(this.#turn);
    }
    try {
      return await work;
    } finally {
      this.#count--;
    }
  }

  readonly #turn = (): void => {
    if (this.#count === 0) {
      this.#isTurning = false;
      return;
    }
    const { loop } = this;
    const [now, events] = [loop.now(), loop.events()];
    if (events !== this.#events) {
      this.#events = events;
      this.#since = now;
    }
    const milliseconds = Math.min(LONGEST_MS, (now - this.#since) * SHARE - LATE_MS);
    if (milliseconds >= SHORTEST_MS) loop.sleep(milliseconds);
    loop.nextTurn(this.#turn);
  };
}
