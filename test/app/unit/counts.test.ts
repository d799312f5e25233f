import { expect, it } from "vitest";
import { reportTooLong } from "../../../src/tokenizer/prompt-too-long.js";
import { failureOf } from "../../../web/src/engine/failure.js";
import { sayCount } from "../../../web/src/forms/counts.js";
import { Job } from "../../../web/src/jobs/job.svelte.js";
import { tooLongProblem } from "../../../web/src/forms/too-long.js";
import { SHAPES } from "../../../web/src/models/model-choice.js";

it.each([
  [0, 3, ""],
  [1, 1, "1 image"],
  [1, 3, "3 images"],
  [2, 1, "2 prompts × 1 image = 2"],
  [2, 3, "2 prompts × 3 images = 6"],
] as const)("says how many images %i prompts of %i give", (prompts, count, said) => {
  expect(sayCount(prompts, count)).toBe(said);
});

it("says at the text that it was too long, until it is changed", () => {
  const prompt = "a red circle ".repeat(20).trim();
  const parameters = { task: "create", prompts: ["a star", prompt], count: 1, seed: 1, prior: {}, unets: [] } as const;
  const job = new Job({ parameters, images: [] }, SHAPES, 2);
  job.status = "failed";
  try {
    reportTooLong(prompt, 60, 32, { tooLong: "error" });
  } catch (error) {
    job.failure = failureOf(error);
  }
  const said = tooLongProblem([job], "create", `a star\n${prompt}`);
  expect(said).toMatch(/^The prompt "a red circle.* has 60 tokens, but the model reads at most 32: shorten it\.$/);
  expect(tooLongProblem([job], "create", "a star\na red circle")).toBeUndefined();
  expect(tooLongProblem([job], "edit", prompt)).toBeUndefined();
});
