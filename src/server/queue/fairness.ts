/**
 * Fair shares of a queue: start-time fair queueing (Goyal, Vin & Cheng 1996), with priorities of BullMQ.
 *
 * Images are numbered in virtual time. An owner's image comes after the owner's last one, and never before the job that is next:
 * who was away gets no credit for it. The number is the job's priority, so image k of each owner goes before image k + 1 of any.
 * While two owners wait, the numbers of images that they have had since then differ by one job at most.
 */
import { setTimeout } from "node:timers/promises";
import type { Queue } from "bullmq";
import type { Redis } from "ioredis";
import { ServerError } from "../server-error.js";

/** Bounds of a queue. */
export interface QueueBounds {
  /** Jobs that may wait for a model. Default: 1024. */
  readonly maxWaitingJobs: number;
  /** Images of one owner that may wait for a model. Default: 512. */
  readonly maxWaitingImagesOfOwner: number;
}

/** The defaults. */
export const QUEUE_BOUNDS: QueueBounds = { maxWaitingJobs: 1024, maxWaitingImagesOfOwner: 512 };

const UNBOUNDED: QueueBounds = { maxWaitingJobs: Infinity, maxWaitingImagesOfOwner: Number.MAX_SAFE_INTEGER };

/** Owners who had their share are forgotten when more are known. */
const MAX_OWNERS = 4096;

/**
 * Takes numbers for the images of an owner, if there is room. Returns the first; minus the images that wait if there is none.
 * Keys: the hash of owners. Arguments: owner, images, number of the next job, bound, whether nothing waits, owners to remember.
 */
const TAKE = `
if ARGV[5] == "1" then redis.call("DEL", KEYS[1]) end
local next = tonumber(ARGV[3])
local last = tonumber(redis.call("HGET", KEYS[1], ARGV[1]) or next)
local first = math.max(last, next)
local waiting = first - next
if waiting + tonumber(ARGV[2]) > tonumber(ARGV[4]) then return -waiting - 1 end
if redis.call("HLEN", KEYS[1]) >= tonumber(ARGV[6]) then
  local all = redis.call("HGETALL", KEYS[1])
  for i = 1, #all, 2 do
    if tonumber(all[i + 1]) <= next then redis.call("HDEL", KEYS[1], all[i]) end
  end
end
redis.call("HSET", KEYS[1], ARGV[1], first + tonumber(ARGV[2]))
return first`;

/** Lowers the numbers of all owners. Keys: the hash. Arguments: by how much. */
const LOWER = `
local all = redis.call("HGETALL", KEYS[1])
for i = 1, #all, 2 do
  redis.call("HSET", KEYS[1], all[i], math.max(1, tonumber(all[i + 1]) - tonumber(ARGV[1])))
end
return 0`;

/** BullMQ has priorities up to 2²¹. Numbers grow until nothing waits; before they reach it, all are lowered. */
const HIGHEST = 2 ** 20;

/** A job that asks for a place. */
interface Asking {
  readonly owner: string;
  /** How many images it asks for. */
  readonly images: number;
  /** Whether it was accepted before. It is not refused then. */
  readonly isAccepted?: boolean | undefined;
}

/** Gives jobs their places in the queue of a model. */
export class FairPlaces {
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly redis: Redis,
    private readonly queue: Queue,
    /** Key of the hash of owners. */
    private readonly owners: string,
    private readonly bounds: QueueBounds,
    private readonly highest = HIGHEST,
  ) {}

  /** Adds a job with its priority. Rejects with `ServerError` if the queue is full. */
  async place(job: Asking, add: (priority: number) => Promise<void>): Promise<void> {
    // One after the other: each sees what the one before added.
    const turn = this.#last.then(async () => {
      await add(await this.#take(job));
    });
    this.#last = turn.catch(() => undefined);
    await turn;
  }

  async #take(job: Asking): Promise<number> {
    const { owner, images } = job;
    const { maxWaitingJobs, maxWaitingImagesOfOwner } = job.isAccepted ? UNBOUNDED : this.bounds;
    const [waiting, [next]] = await Promise.all([
      this.queue.getJobCountByTypes("prioritized", "waiting", "delayed"),
      this.queue.getPrioritized(0, 0),
    ]);
    if (waiting >= maxWaitingJobs) {
      throw new ServerError("queue-full", "The queue is full. Try again later.", { retryAfter: RETRY_SECONDS });
    }
    const priority = next?.priority ?? 1;
    if (priority > this.highest) {
      await this.#lower(priority - 1);
      return await this.#take(job);
    }
    const given = [owner, images, priority, maxWaitingImagesOfOwner, waiting === 0 ? 1 : 0, MAX_OWNERS];
    const first = Number(await this.redis.eval(TAKE, 1, this.owners, ...given));
    if (first > 0) return Math.min(first, 2 * HIGHEST - 1);
    throw new ServerError("queue-full", "Too many of your requests wait in the queue. Try again later.", {
      retryAfter: RETRY_SECONDS,
    });
  }

  async #lower(by: number): Promise<void> {
    const lock = `${this.owners}:lowering`;
    if ((await this.redis.set(lock, "1", "PX", 10_000, "NX")) === null) {
      // Another server does it.
      await setTimeout(LOWERING_MS);
      return;
    }
    await this.redis.eval(LOWER, 1, this.owners, by);
    for (const job of await this.queue.getPrioritized()) {
      // It may be taken in the meantime.
      await job.changePriority({ priority: Math.max(1, job.priority - by) }).catch(() => undefined);
    }
    await this.redis.del(lock);
  }
}

/** Pause while another server lowers the numbers. */
const LOWERING_MS = 50;
/** Seconds after which a full queue may have room. */
const RETRY_SECONDS = 5;
