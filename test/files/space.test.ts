// The room for downloads on a disk, and in a site's quota, of 100 bytes.
import { afterEach, expect, it, vi } from "vitest";
import { checkSpace, reserveSpace, type Reservation } from "../../src/files/space.js";
import type * as Node from "../../src/platform/node.js";

const place = vi.hoisted(() => ({ sharesQuota: false }));

vi.mock("../../src/platform/node.js", async (original) => ({
  ...(await original<typeof Node>()),
  freeBytes: () => Promise.resolve(100),
  get sharesQuota() {
    return place.sharesQuota;
  },
}));

let rooms: Reservation[] = [];

afterEach(() => {
  place.sharesQuota = false;
  for (const room of rooms) room.release();
  rooms = [];
});

async function reserve(folder: string, begun: number, size: number): Promise<Reservation> {
  const room = await reserveSpace("a file", folder, begun, size);
  rooms.push(room);
  return room;
}

it("is reserved for a download beside the others in its folder", async () => {
  await reserve("models", 0, 70);
  await expect(reserve("models", 0, 40)).rejects.toMatchObject({
    code: "file/quota",
    neededBytes: 40,
    freeBytes: 30,
  });
  await reserve("models", 10, 40);
});

it("is that of a disk in Node, and of the whole site in browsers", async () => {
  await reserve("models", 0, 70);
  await reserve("other", 0, 40);
  place.sharesQuota = true;
  await expect(reserve("third", 0, 1)).rejects.toMatchObject({ freeBytes: 0 });
});

it("is not more for others when a file has more bytes than it should", async () => {
  await reserve("models", 90, 50);
  const room = await reserve("models", 0, 100);
  await expect(reserve("models", 0, 1)).rejects.toMatchObject({ freeBytes: 0 });
  room.advance(120);
  await expect(reserve("models", 0, 101)).rejects.toMatchObject({ freeBytes: 100 });
});

it("is found for a folder of models whose download is going on already", async () => {
  await reserve("models", 0, 100);
  await checkSpace("a model", "models", 100, 80);
  await expect(checkSpace("a model", "models", 101, 80)).rejects.toMatchObject({ neededBytes: 101, freeBytes: 100 });
});
