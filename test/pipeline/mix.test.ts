import { afterAll, beforeAll, expect, it } from "vitest";
import { DalleModelManager } from "../../src/pipeline/manager/model-manager.js";
import { Embed } from "../../src/pipeline/scripts/embed.js";
import { sharedGpu } from "../support/gpu.js";

let manager: DalleModelManager;
let embed: Embed;

beforeAll(async () => {
  manager = await DalleModelManager.create("shapes", { gpu: await sharedGpu(), dtype: "f32" });
  embed = new Embed(manager);
});

afterAll(() => {
  manager.dispose();
});

it("mixes with the prior of another family, which runs for negative prompts without guidance", async () => {
  const options = { steps: 2, seed: 5 };
  const [mixed] = await embed.mix(["a red circle"], [0.5], { ...options, negativeText: "a blue square" });
  const [circle] = (await embed.prior(["a red circle"], options)).get(0)!;
  expect(mixed!.embedding.data).toEqual(circle!.data.map((value) => 0.5 * value));
  const { negative } = mixed!;
  expect(negative!.data).toHaveLength(circle!.data.length);
  expect(negative!.data).not.toEqual(circle!.data);
  const [alone] = await embed.mix(["a red circle"], [0.5], options);
  expect(alone).toEqual({ embedding: mixed!.embedding, negative: undefined });
});
