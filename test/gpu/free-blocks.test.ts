import { expect, it } from "vitest";
import { Block } from "../../src/gpu/block.js";
import { FreeBlocks } from "../../src/gpu/free-blocks.js";

const block = (bytes: number) => new Block(bytes, undefined, Promise.resolve(undefined));

it("gives the oldest block of a size first, in whatever order they were freed", () => {
  const blocks = Array.from({ length: 7 }, () => block(512));
  const other = block(1024);
  const free = new FreeBlocks();
  for (const i of [3, 0, 6, 2]) free.add(blocks[i]!);
  free.add(other);
  expect(free.oldest(512)).toBe(blocks[0]);
  expect(free.takeOldest(512)).toBe(blocks[0]);
  for (const i of [5, 1, 4]) free.add(blocks[i]!);
  expect([1, 2, 3, 4, 5, 6].map(() => free.takeOldest(512))).toEqual(blocks.slice(1));
  expect([free.oldest(512), free.takeOldest(512)]).toEqual([undefined, undefined]);
  expect(free.takeAll()).toEqual([other]);
  expect(free.oldest(1024)).toBeUndefined();
});
