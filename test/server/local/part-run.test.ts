import { expect, it } from "vitest";
import { makeImage } from "../../../src/image/image.js";
import type { GeneratedImage } from "../../../src/pipeline/generated-image.js";
import { PartRun } from "../../../src/server/local/part-run.js";
import { GENERATED_ON } from "../support/fake-device.js";
import { job, request, whole } from "../support/jobs.js";

function image(side: number, seed: number): GeneratedImage {
  const data = Uint8Array.from({ length: side * side * 3 }, (_, i) => (i * i * 31) % 251);
  return { ...makeImage(side, side, 3, data), seed, parameters: { script: "BasicInference", tuning: "portable" } };
}

it("tells the images of a batch in their order, however long each takes to encode", async () => {
  const told: number[] = [];
  const asked = request({ count: 3 });
  const run = new PartRun(whole(job(asked, { events: { onImage: (_, index) => told.push(index) } })), asked);
  for (const [i, side] of [1000, 500, 1].entries()) run.add(image(side, i + 1), i, GENERATED_ON);
  const outcome = await run.outcome((reason) => reason as Error);
  expect(outcome).toMatchObject({ status: "fulfilled", value: [{ seed: 1 }, { seed: 2 }, { seed: 3 }] });
  expect(told).toEqual([0, 1, 2]);
});
