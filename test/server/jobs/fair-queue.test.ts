import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FairQueue, type Queued, type Taken } from "../../../src/server/jobs/fair-queue.js";
import { ServerError } from "../../../src/server/server-error.js";

interface TestJob extends Queued {
  readonly name: string;
}

const ROOMY = { maxWaitingJobs: 10_000, maxWaitingImages: 1_000_000 };

let count = 0;
const job = (owner: string, images = 1, batchKey: string | null = "same"): TestJob => ({
  name: `${owner}${++count}`,
  owner,
  images,
  batchKey: batchKey ?? undefined,
});

const imagesOf = (taken: readonly Taken<TestJob>[]) => taken.reduce((sum, { start, end }) => sum + end - start, 0);
const owners = (taken: readonly Taken<TestJob>[]) => taken.map(({ job: { owner } }) => owner);

/** Takes batches until nothing waits. */
function takeAll(queue: FairQueue<TestJob>, size: number): (readonly Taken<TestJob>[])[] {
  const batches: (readonly Taken<TestJob>[])[] = [];
  for (let batch = queue.take(() => size); batch.length > 0; batch = queue.take(() => size)) batches.push(batch);
  return batches;
}

function failure(call: () => void): ServerError {
  try {
    call();
  } catch (error) {
    return error as ServerError;
  }
  throw new Error("It did not throw.");
}

describe("order", () => {
  it("puts an owner's one job before most of another's hundred", () => {
    const queue = new FairQueue<TestJob>(ROOMY);
    for (let i = 0; i < 100; i++) queue.add(job("busy"));
    queue.take(() => 4);
    queue.add(job("quick", 1, "other"));
    const order = takeAll(queue, 4).map((batch) => owners(batch)[0]);
    // The busy owner had 4 images when the other one came.
    expect(order.indexOf("quick")).toBeLessThanOrEqual(1);
  });

  it("computes a large job in several batches, with others in between", () => {
    const queue = new FairQueue<TestJob>(ROOMY);
    const large = job("a", 10);
    queue.add(large);
    queue.add(job("b", 2, "other"));
    const batches = takeAll(queue, 4).map((batch) =>
      batch.map(({ job: { owner }, start, end }) => [owner, start, end]),
    );
    expect(batches).toEqual([[["a", 0, 4]], [["b", 0, 2]], [["a", 4, 8]], [["a", 8, 10]]]);
  });

  it("shares a batch between owners", () => {
    const queue = new FairQueue<TestJob>(ROOMY);
    queue.add(job("a", 10));
    queue.add(job("b", 10));
    const [first] = takeAll(queue, 6);
    expect(first!.map(({ start, end }) => end - start)).toEqual([3, 3]);
  });

  it("takes a job without a batch key as a whole and alone", () => {
    const queue = new FairQueue<TestJob>(ROOMY);
    queue.add(job("a", 9, null));
    queue.add(job("a", 1, null));
    expect(takeAll(queue, 4).map(imagesOf)).toEqual([9, 1]);
  });

  it("gives an owner who comes later no credit for the time before", () => {
    const queue = new FairQueue<TestJob>(ROOMY);
    queue.add(job("a", 100));
    for (let i = 0; i < 5; i++) queue.take(() => 10);
    queue.add(job("b", 50));
    const shares = takeAll(queue, 10).map((batch) =>
      batch.map(({ job: { owner }, start, end }) => `${owner} ${end - start}`),
    );
    for (const share of shares) expect(share.sort()).toEqual(["a 5", "b 5"]);
  });

  it("does not let a neighbour with the same settings go on before others again and again", () => {
    const queue = new FairQueue<TestJob>(ROOMY);
    queue.add(job("many", 100));
    queue.add(job("other", 100, "other"));
    const had = { many: 0, other: 0, one: 0 };
    for (let i = 0; i < 12; i++) {
      // Asks for one image after the other. Batches have room beside it.
      queue.add(job("one"));
      for (const {
        job: { owner },
        start,
        end,
      } of queue.take(() => 10))
        had[owner as keyof typeof had] += end - start;
    }
    expect(Math.abs(had.many - had.other)).toBeLessThanOrEqual(10);
  });
});

describe("preferred jobs", () => {
  const preferred = ({ batchKey }: TestJob) => batchKey === "loaded";

  it("go first as long as shares are fair, so that models change less often", () => {
    const queue = new FairQueue<TestJob>(ROOMY);
    queue.add(job("a", 40, "loaded"));
    queue.add(job("b", 40, "other"));
    const order: string[] = [];
    let last: string | undefined = "loaded";
    const prefersLast = ({ batchKey }: TestJob) => batchKey === last;
    for (let batch = queue.take(() => 10, prefersLast); batch.length > 0; batch = queue.take(() => 10, prefersLast)) {
      last = batch[0]!.job.batchKey;
      order.push(batch[0]!.job.owner);
    }
    expect(order.join("")).toBe("abbaabba");
  });

  it("of an owner do not keep its other jobs waiting for long", () => {
    const queue = new FairQueue<TestJob>(ROOMY);
    queue.add(job("a", 1, "other"));
    for (let i = 0; i < 100; i++) queue.add(job("a", 1, "loaded"));
    const keys = Array.from({ length: 5 }, () => queue.take(() => 2, preferred)[0]!.job.batchKey);
    expect(keys).toEqual(["loaded", "loaded", "loaded", "loaded", "other"]);
  });
});

describe("bounds", () => {
  it("refuses jobs and images beyond its limits, with the time after which there is room", () => {
    const queue = new FairQueue<TestJob>({ maxWaitingJobs: 3, maxWaitingImages: 10 });
    for (const owner of ["a", "b", "c"]) queue.add(job(owner));
    expect(
      failure(() => {
        queue.add(job("d"));
      }),
    ).toMatchObject({ code: "queue-full", status: 503, retryAfter: 5 });
    queue.measured(10, 20_000);
    expect(
      failure(() => {
        queue.add(job("d"));
      }),
    ).toMatchObject({ retryAfter: 2 });
    queue.clear();
    queue.add(job("a", 6));
    // One image too many: 2 s.
    expect(
      failure(() => {
        queue.add(job("b", 5));
      }),
    ).toMatchObject({ code: "queue-full", retryAfter: 2 });
    queue.add(job("b", 4));
    expect(
      failure(() => {
        queue.add(job("d", 11));
      }),
    ).toMatchObject({ code: "too-large" });
    expect(queue.waitingImages).toBe(10);
  });

  it("keeps room for others: one owner cannot fill it", () => {
    const queue = new FairQueue<TestJob>({ maxWaitingJobs: 100 });
    const admitted = (owner: string): number => {
      for (let jobs = 0; ; jobs++) {
        try {
          queue.add(job(owner));
        } catch (error) {
          expect(error).toMatchObject({ code: "queue-full" });
          return jobs;
        }
      }
    };
    const counts = ["a", "b", "c", "d"].map(admitted);
    expect(counts[0]).toBe(50);
    for (const one of counts) expect(one).toBeGreaterThan(0);
  });

  it("has room again after removal", () => {
    const queue = new FairQueue<TestJob>({ maxWaitingJobs: 1 });
    const first = job("a");
    queue.add(first);
    expect(() => {
      queue.add(job("b"));
    }).toThrow(ServerError);
    expect(queue.remove(first)).toBe(true);
    expect(queue.remove(first)).toBe(false);
    queue.add(job("b"));
    expect(queue.take(() => 9).map(({ job: { owner } }) => owner)).toEqual(["b"]);
  });

  it("gives back what waits, in the order of arrival", () => {
    const queue = new FairQueue<TestJob>(ROOMY);
    const jobs = [job("a", 5), job("b"), job("a")];
    for (const one of jobs) queue.add(one);
    queue.take(() => 2);
    expect(queue.clear()).toEqual([jobs[0], jobs[2]]);
    expect([queue.waitingJobs, queue.waitingImages]).toEqual([0, 0]);
  });
});

it("tells each job how many images are before it, whenever that changes", () => {
  const queue = new FairQueue<TestJob>(ROOMY);
  const told: Record<string, number[]> = {};
  const add = (name: string, owner: string, images: number) => {
    told[name] = [];
    queue.add({ ...job(owner, images), onImagesAhead: (ahead) => told[name]!.push(ahead) });
  };
  queue.running(4);
  add("first", "a", 6);
  add("second", "a", 2);
  add("other", "b", 1);
  queue.take(() => 3);
  queue.running(3);
  queue.take(() => 9);
  // Of "other": only what runs. Of "second": what runs, and the six images before it.
  expect(told).toEqual({ first: [4], second: [10, 8], other: [4] });
});

/** What may happen to a queue. */
type Action =
  | { readonly kind: "add"; readonly owner: number; readonly images: number; readonly key: number }
  | { readonly kind: "take"; readonly size: number }
  | { readonly kind: "remove"; readonly index: number };

const actions = fc.array(
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant("add" as const),
        owner: fc.nat(4),
        images: fc.integer({ min: 1, max: 12 }),
        key: fc.nat(3),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("take" as const), size: fc.integer({ min: 1, max: 8 }) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("remove" as const), index: fc.nat(20) }) },
  ),
  { maxLength: 60 },
) as fc.Arbitrary<Action[]>;

const prefersFirstKey = ({ batchKey }: TestJob): boolean => batchKey === "1";

const keyOf = ({ key }: { readonly key: number }): string | null => (key === 0 ? null : `${key}`);

describe("whatever happens", () => {
  it("takes each image once, in order, and loses none", () => {
    fc.assert(
      fc.property(actions, (given) => {
        const queue = new FairQueue<TestJob>(ROOMY);
        const next = new Map<TestJob, number>();
        const removed = new Set<TestJob>();
        const check = (batch: readonly Taken<TestJob>[], size: number) => {
          expect(new Set(batch.map(({ job: { batchKey } }) => batchKey)).size).toBeLessThanOrEqual(1);
          if (batch[0]?.job.batchKey === undefined) expect(batch.length).toBeLessThanOrEqual(1);
          else expect(imagesOf(batch)).toBeLessThanOrEqual(size);
          for (const { job: one, start, end } of batch) {
            expect(removed.has(one)).toBe(false);
            expect(start).toBe(next.get(one));
            expect(end).toBeGreaterThan(start);
            next.set(one, end);
          }
        };
        for (const action of given) {
          if (action.kind === "add") {
            const added = job(`owner ${action.owner}`, action.images, keyOf(action));
            queue.add(added);
            next.set(added, 0);
          } else if (action.kind === "take")
            check(
              queue.take(() => action.size),
              action.size,
            );
          else {
            const one = [...next.keys()][action.index];
            if (one && queue.remove(one)) {
              expect(next.get(one)).toBeLessThan(one.images);
              removed.add(one);
            }
          }
          const left = [...next].filter(([one, end]) => !removed.has(one) && end < one.images);
          expect(queue.waitingJobs).toBe(left.length);
          expect(queue.waitingImages).toBe(left.reduce((sum, [one, end]) => sum + one.images - end, 0));
        }
        for (const batch of takeAll(queue, 5)) check(batch, 5);
        for (const [one, end] of next) if (!removed.has(one)) expect(end).toBe(one.images);
      }),
      { numRuns: 500 },
    );
  });

  it("gives owners who wait as equals shares that differ by at most one batch", () => {
    const owned = fc.array(fc.record({ images: fc.integer({ min: 1, max: 12 }), key: fc.nat(3) }), {
      minLength: 1,
      maxLength: 15,
    });
    fc.assert(
      fc.property(fc.array(owned, { minLength: 2, maxLength: 5 }), fc.integer({ min: 1, max: 8 }), (lines, size) => {
        const queue = new FairQueue<TestJob>(ROOMY);
        const left = lines.map((jobs) => jobs.reduce((sum, { images }) => sum + images, 0));
        const had = lines.map(() => 0);
        let largest = size;
        for (const [owner, jobs] of lines.entries()) {
          for (const { images, key } of jobs) {
            queue.add(job(`${owner}`, images, keyOf({ key })));
            if (key === 0) largest = Math.max(largest, images);
          }
        }
        const next = () => queue.take(() => size, prefersFirstKey);
        for (let batch = next(); batch.length > 0; batch = next()) {
          for (const {
            job: { owner },
            start,
            end,
          } of batch) {
            had[Number(owner)]! += end - start;
            left[Number(owner)]! -= end - start;
          }
          const still = had.filter((_, owner) => left[owner]! > 0);
          if (still.length > 1) expect(Math.max(...still) - Math.min(...still)).toBeLessThanOrEqual(largest);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("gives no owner more than two batches more than another while both wait, whenever they came", () => {
    fc.assert(
      fc.property(actions, fc.integer({ min: 1, max: 8 }), (given, size) => {
        const queue = new FairQueue<TestJob>(ROOMY);
        const left = new Map<string, number>();
        // For each pair of owners who both wait: how many more images the first had since then.
        const leads = new Map<string, number>();
        let largest = size;
        const isWaiting = (owner: string): boolean => (left.get(owner) ?? 0) > 0;
        for (const action of given) {
          if (action.kind === "add") {
            const owner = `${action.owner}`;
            queue.add(job(owner, action.images, keyOf(action)));
            if (action.key === 0) largest = Math.max(largest, action.images);
            left.set(owner, (left.get(owner) ?? 0) + action.images);
          } else {
            for (const {
              job: { owner },
              start,
              end,
            } of queue.take(() => size, prefersFirstKey)) {
              left.set(owner, left.get(owner)! - (end - start));
              for (const pair of leads.keys()) {
                const [first, second] = pair.split(" ");
                const change = first === owner ? end - start : second === owner ? start - end : 0;
                leads.set(pair, leads.get(pair)! + change);
              }
            }
          }
          for (const first of left.keys()) {
            for (const second of left.keys()) {
              const pair = `${first} ${second}`;
              if (first === second || !isWaiting(first) || !isWaiting(second)) leads.delete(pair);
              else leads.set(pair, leads.get(pair) ?? 0);
            }
          }
          for (const lead of leads.values()) expect(lead).toBeLessThanOrEqual(2 * largest);
        }
      }),
      { numRuns: 500 },
    );
  });
});
