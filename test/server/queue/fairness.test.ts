import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import { QueueConnection } from "../../../src/server/queue/connection.js";
import { FairPlaces, QUEUE_BOUNDS } from "../../../src/server/queue/fairness.js";
import { RedisServer } from "./support/redis-server.js";

let redis: RedisServer;
let connection: QueueConnection;

beforeAll(async () => {
  redis = await RedisServer.start();
  connection = await QueueConnection.open({ url: redis.url });
});

afterAll(async () => {
  await connection.close();
  await redis[Symbol.asyncDispose]();
});

/** The places of a queue without workers. `highest`: numbers above it are lowered. */
function places(highest?: number) {
  const model = randomUUID();
  const queue = connection.queue(model);
  const fair = new FairPlaces(connection.redis, queue, connection.names.owners(model), QUEUE_BOUNDS, highest);
  const add = async (id: string, owner: string, images = 1) => {
    await fair.place({ owner, images }, async (priority) => {
      await queue.add("job", {}, { jobId: id, priority });
    });
  };
  const line = async () => (await queue.getPrioritized()).map(({ id }) => id);
  /** Takes the first job away, as a worker does. */
  const take = async () => {
    const [first] = await queue.getPrioritized(0, 0);
    await first?.remove();
    return first?.id;
  };
  return { add, line, take, queue };
}

it("image k of each owner goes before image k + 1 of any", async () => {
  const { add, line } = places();
  for (const id of ["a1", "a2", "a3"]) await add(id, "a");
  for (const id of ["b1", "b2"]) await add(id, "b");
  await add("c1", "c", 2);
  await add("c3", "c");
  expect(await line()).toEqual(["a1", "b1", "c1", "a2", "b2", "a3", "c3"]);
});

it("who was away gets no credit for it, and no debt when nothing waits", async () => {
  const { add, line, take } = places();
  for (let i = 1; i <= 6; i++) await add(`a${i}`, "a");
  for (let i = 1; i <= 3; i++) await take();
  // b comes while a has had three: from now on they take turns.
  for (let i = 1; i <= 3; i++) await add(`b${i}`, "b");
  expect(await line()).toEqual(["a4", "b1", "a5", "b2", "a6", "b3"]);
  while ((await take()) !== undefined);
  await add("a7", "a");
  await add("c1", "c");
  await add("a8", "a");
  expect(await line()).toEqual(["a7", "c1", "a8"]);
});

it("the order stays when the numbers are lowered", async () => {
  const { add, line, take, queue } = places(20);
  for (let i = 1; i <= 30; i++) await add(`a${i}`, "a");
  for (let i = 1; i <= 25; i++) await take();
  await add("b1", "b");
  await add("a31", "a");
  await add("b2", "b");
  expect(await line()).toEqual(["a26", "b1", "a27", "b2", "a28", "a29", "a30", "a31"]);
  expect((await queue.getPrioritized()).every(({ priority }) => priority <= 20)).toBe(true);
});
