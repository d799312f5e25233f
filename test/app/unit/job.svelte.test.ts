import { flushSync } from "svelte";
import { describe, expect, it } from "vitest";
import { Job } from "../../../web/src/jobs/job.svelte.js";
import { SHAPES } from "../../../web/src/models/model-choice.js";

describe("a job", () => {
  it("is cancelled once, and keeps its previews", () => {
    const parameters = { task: "create", prompts: ["a red circle"], count: 2, seed: 1, prior: {}, unets: [] } as const;
    const job = new Job({ parameters, images: [] }, SHAPES);
    const seen: string[] = [];
    const stop = $effect.root(() => {
      $effect(() => {
        seen.push(job.status);
      });
    });
    flushSync();
    job.cancel();
    flushSync();
    stop();
    expect(seen).toEqual(["queued", "cancelled"]);
    expect(job.signal.aborted).toBe(true);
  });
});
