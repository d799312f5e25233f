// Servers and workers announce themselves, so that each knows who is there, whatever their versions.
import type { Redis } from "ioredis";
import { z } from "zod";
import { parseJson } from "../../platform/json.js";
import type { ServedDevice } from "../jobs/job-runner.js";
import type { QueueNames } from "./names.js";

const ANNOUNCEMENT = z.object({
  id: z.string(),
  /** Only those with the same version work together. */
  version: z.string(),
  host: z.string(),
  pid: z.int(),
  /** Milliseconds since 1970. */
  startedAt: z.number(),
});

const WORKER = ANNOUNCEMENT.extend({
  /** The models that it offers. */
  models: z.array(z.string()),
  /** Those that are open. */
  loaded: z.array(z.string()),
  /** Those that could not be opened lately. It does not take their jobs. */
  failing: z.array(z.string()).default([]),
  runningJobs: z.int(),
  /** Images that it has generated. */
  doneImages: z.int().default(0),
  isClosing: z.boolean().default(false),
  devices: z.array(z.custom<ServedDevice>()).default([]),
});

/** What all announce. */
export type Announcement = z.infer<typeof ANNOUNCEMENT>;
/** What a worker announces. */
export type WorkerAnnouncement = z.infer<typeof WORKER>;

/** Seconds after which a member that does not renew its announcement counts as gone. */
export const ANNOUNCED_SECONDS = 15;

type Members = Pick<QueueNames, "members" | "member">;

/** Announces a server or a worker, or renews its announcement. */
export async function announce(
  redis: Redis,
  names: Members,
  kind: "server" | "worker",
  member: Announcement,
  seconds = ANNOUNCED_SECONDS,
): Promise<void> {
  await redis
    .multi()
    .set(names.member(kind, member.id), JSON.stringify(member), "PX", Math.ceil(seconds * 1000))
    .sadd(names.members(kind), member.id)
    .exec();
}

/** Withdraws an announcement. */
export async function withdraw(redis: Redis, names: Members, kind: "server" | "worker", id: string): Promise<void> {
  await redis.multi().del(names.member(kind, id)).srem(names.members(kind), id).exec();
}

/** The workers that are there, of all versions, in the order of their ids. */
export async function listWorkers(redis: Redis, names: Members): Promise<readonly WorkerAnnouncement[]> {
  return await list(redis, names, "worker", WORKER);
}

/** The servers that are there, of all versions. */
export async function listServers(redis: Redis, names: Members): Promise<readonly Announcement[]> {
  return await list(redis, names, "server", ANNOUNCEMENT);
}

async function list<Member>(
  redis: Redis,
  names: Members,
  kind: "server" | "worker",
  schema: z.ZodType<Member>,
): Promise<readonly Member[]> {
  const ids = (await redis.smembers(names.members(kind))).sort();
  if (ids.length === 0) return [];
  const texts = await redis.mget(ids.map((id) => names.member(kind, id)));
  const gone = ids.filter((_, i) => typeof texts[i] !== "string");
  if (gone.length > 0) await redis.srem(names.members(kind), gone);
  return texts.flatMap((text) => {
    if (typeof text !== "string") return [];
    // Another version may announce other fields.
    const { data } = schema.safeParse(parseJson(text));
    return data === undefined ? [] : [data];
  });
}
