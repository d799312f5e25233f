import { afterAll, beforeAll, expect, it } from "vitest";
import { DalleModelManager } from "../../../src/pipeline/manager/model-manager.js";
import { ModelLoadConfig } from "../../../src/pipeline/load-config.js";
import { sharedGpu } from "../../support/gpu.js";

let manager: DalleModelManager;

beforeAll(async () => {
  const config = await ModelLoadConfig.fromJsonPath("configs/shapes.json");
  manager = await DalleModelManager.create(config, { gpu: await sharedGpu() });
});

afterAll(() => {
  manager.dispose();
});

it("tells that U-Nets are slower than the prior, and guided networks twice as slow", () => {
  const prior = manager.models.prior!.model;
  const costs = manager.models.decoder!.model.stages.map((stage) => stage.cost!({ condScale: 1 }));
  // On lavapipe, a step of a U-Net takes about five times as long as one of the prior.
  for (const cost of costs) expect(cost).toBeGreaterThan(2 * prior.cost!({ condScale: 1 }));
  expect(prior.cost!({ condScale: 2 })).toBe(2 * prior.cost!({ condScale: 1 }));
  expect(manager.models.decoder!.model.stages[0]!.cost!({ condScale: 2 })).toBe(2 * costs[0]!);
});
