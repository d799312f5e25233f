import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { openFile } from "../../src/platform/node.js";
import { openCheckpoint } from "../../src/models/open-checkpoint.js";
import {
  COLORS,
  GROUNDS,
  KINDS,
  parsePrompt,
  SIZES,
  type Color,
  type Ground,
  type Kind,
  type Point,
} from "../support/shapes-language.js";
import { isRight, judge } from "../support/shapes-measure.js";
import { shapeMask } from "../support/shapes-outline.js";

const SIDE = 64;
const folder = "test/fixtures/shapes-expected";

interface Object {
  readonly kind: Kind;
  readonly color: Color;
  readonly at: Point;
  readonly r?: number;
}

function drawn(ground: Ground, ...objects: readonly Object[]): Uint8Array {
  const data = new Uint8Array(SIDE * SIDE * 3);
  for (let i = 0; i < SIDE * SIDE; i++) data.set(GROUNDS[ground], i * 3);
  for (const { kind, color, at, r = SIZES.medium } of objects)
    for (const [i, bit] of shapeMask(kind, r, at, SIDE).entries()) if (bit) data.set(COLORS[color], i * 3);
  return data;
}

it("reads prompts", () => {
  expect(parsePrompt("a red cross above a green triangle")).toEqual({
    ground: undefined,
    objects: [
      { color: "red", kind: "cross" },
      { color: "green", kind: "triangle" },
    ],
    place: undefined,
    relation: "above",
  });
  expect(parsePrompt("a small yellow ring at the top on a black background")).toEqual({
    ground: "black",
    objects: [{ color: "yellow", kind: "ring", size: "small" }],
    place: "at the top",
    relation: undefined,
  });
  expect(() => parsePrompt("a red dog")).toThrow("not in the language");
});

describe("one object", () => {
  const prompt = "a medium red circle on the left on a white background";
  const object: Object = { kind: "circle", color: "red", at: [0.28, 0.5] };
  const right = { ground: true, color: true, place: true, size: true, kind: true, clean: true };

  it("is right if everything is as the prompt says", () => {
    expect(judge(prompt, SIDE, drawn("white", object))).toEqual(right);
  });

  it.each([
    ["ground", drawn("beige", object)],
    ["place", drawn("white", { ...object, at: [0.6, 0.5] })],
    ["size", drawn("white", { ...object, r: SIZES.large })],
    ["kind", drawn("white", { ...object, kind: "square" })],
    ["clean", drawn("white", object, { kind: "square", color: "pink", at: [0.8, 0.5], r: 0.1 })],
  ])("is wrong only in its %s", (property, data) => {
    expect(judge(prompt, SIDE, data)).toEqual({ ...right, [property]: false });
  });

  it("is wrong in its colour", () => {
    expect(judge(prompt, SIDE, drawn("white", { ...object, color: "blue" }))).toMatchObject({ color: false });
  });

  it.each(KINDS.flatMap((kind) => KINDS.map((asked) => [kind, asked] as const)))(
    "a %s is recognised by its outline when a %s was asked for",
    (kind, asked) => {
      const { kind: found } = judge(`a red ${asked}`, SIDE, drawn("white", { ...object, kind, at: [0.41, 0.55] }));
      expect(found).toBe(kind === asked);
    },
  );
});

describe("two objects", () => {
  const prompt = "a red cross above a green triangle";
  const [cross, triangle]: Object[] = [
    { kind: "cross", color: "red", at: [0.5, 0.26], r: 0.17 },
    { kind: "triangle", color: "green", at: [0.5, 0.74], r: 0.17 },
  ] as const satisfies Object[];

  it("are right only in the right order", () => {
    expect(isRight(judge(prompt, SIDE, drawn("gray", cross, triangle)))).toBe(true);
    const swapped = drawn("gray", { ...cross, at: triangle.at }, { ...triangle, at: cross.at });
    expect(judge(prompt, SIDE, swapped)).toMatchObject({ place: false, kind: true });
    const exchanged = drawn("gray", { ...cross, color: "green" }, { ...triangle, color: "red" });
    expect(judge(prompt, SIDE, exchanged)).toMatchObject({ color: true, place: false });
    expect(judge(prompt, SIDE, drawn("gray", cross))).toMatchObject({ color: false });
  });
});

it("finds all of the reference's images right, and none with another prompt", async () => {
  const prompts = readFileSync(`${folder}/prompts.txt`, "utf8").trim().split("\n");
  const file = await openCheckpoint(await openFile(`${folder}/io.safetensors`));
  const images = await Promise.all(prompts.map((_, i) => file.tensors.get(`out.${i}`)!.read()));
  await file.close();
  const rightOf = (shift: number): number =>
    prompts.filter((prompt, i) => isRight(judge(prompt, SIDE, images[(i + shift) % images.length]!))).length;
  expect(rightOf(0)).toBe(40);
  expect(rightOf(7)).toBe(0);
});
