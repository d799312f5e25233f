import { describe, expect, it } from "vitest";
import { reportTooLong } from "../../../src/tokenizer/prompt-too-long.js";
import { failureOf, type Failure } from "../../../web/src/engine/failure.js";
import { sayCount } from "../../../web/src/forms/counts.js";
import { sayFailure } from "../../../web/src/engine/say-failure.js";
import { tooLongProblem } from "../../../web/src/forms/too-long.js";

it.each([
  [0, 3, ""],
  [1, 1, "1 image"],
  [1, 3, "3 images"],
  [2, 1, "2 prompts × 1 image = 2"],
  [2, 3, "2 prompts × 3 images = 6"],
] as const)("says how many images %i prompts of %i give", (prompts, count, said) => {
  expect(sayCount(prompts, count)).toBe(said);
});

it.each([
  ["it is no image", "Give a PNG file.", "It is no image. Give a PNG file."],
  ["it is no image; give a PNG file", "Give a PNG file.", "It is no image; give a PNG file."],
  ["It is no image.", undefined, "It is no image."],
])("says %j and %j once", (message, advice, said) => {
  expect(sayFailure({ message, advice })).toBe(said);
});

describe("a prompt that is too long", () => {
  const prompt = "a red circle ".repeat(20).trim();
  const parameters = { task: "create", prompts: ["a star", prompt], count: 1, seed: 1, prior: {}, unets: [] } as const;
  const said = /^The prompt “a red circle.* has 60 tokens, but the model reads at most 32: shorten it/;

  it("is said at the text if the job failed, until it is changed", () => {
    let failure: Failure | undefined;
    try {
      reportTooLong(prompt, 60, 32, { tooLong: "error" });
    } catch (error) {
      failure = failureOf(error);
    }
    const job = { request: { parameters, images: [] }, warnings: [], failure };
    expect(tooLongProblem([job], "create", `a star\n${prompt}`)).toMatch(said);
    expect(tooLongProblem([job], "create", "a star\na red circle")).toBeUndefined();
    expect(tooLongProblem([job], "edit", prompt)).toBeUndefined();
  });

  it("is said at the text if the job went on without its end", () => {
    const warnings: string[] = [];
    reportTooLong(prompt, 60, 32, { warn: (message) => warnings.push(message) });
    const job = { request: { parameters, images: [] }, warnings, failure: undefined };
    expect(tooLongProblem([job], "create", prompt)).toMatch(said);
    expect(tooLongProblem([job], "create", "a star")).toBeUndefined();
  });
});
