import { describe, expect, it } from "vitest";
import { adapterChoice } from "../../src/config/devices.js";
import { ModelLoadConfig } from "../../src/pipeline/load-config.js";
import { openGpu } from "../../src/gpu/open.js";
import { openDevice } from "../../src/pipeline/manager/open-device.js";

describe("the adapter that devices stand for", () => {
  it.each(["cuda:0", "cuda", "mps", "gpu", "xpu:0", "hip", "vulkan"])("%s: the GPU", (devices) => {
    expect(adapterChoice(devices)).toEqual({ prefer: "gpu", warning: undefined });
    expect(adapterChoice([devices])).toEqual({ prefer: "gpu", warning: undefined });
  });

  it.each(["cpu", "cpu:0"])("%s: a software adapter", (devices) => {
    expect(adapterChoice(devices)).toEqual({ prefer: "software", warning: undefined });
  });

  it("warns that GPUs cannot be chosen by number, and that the first of a list is used", () => {
    expect(adapterChoice("cuda:1")).toEqual({
      prefer: "gpu",
      warning: "devices: WebGPU cannot choose a GPU by number, so cuda:1 is its default GPU.",
    });
    expect(adapterChoice(["cpu", "cuda:0"])).toEqual({
      prefer: "software",
      warning: "devices: models run only on one device, cpu, not on cuda:0.",
    });
  });
});

// On a machine with a GPU, this distinguishes the software adapter from it.
it("opens a software adapter for cpu, and says once what cannot be had", async () => {
  const warnings: string[] = [];
  const config = ModelLoadConfig.parse({ devices: ["cpu", "cuda:1"] }, "models.json");
  using gpu = await openDevice(config, { onWarning: (warning) => warnings.push(warning) });
  expect(gpu.adapter.isSoftware).toBe(true);
  expect(warnings).toEqual(["devices: models run only on one device, cpu, not on cuda:1."]);
});

it("accepts any adapter for a GPU, so that a config for CUDA runs anywhere", async () => {
  const warnings: string[] = [];
  const config = ModelLoadConfig.parse({ devices: "cuda:0" }, "models.json");
  using gpu = await openDevice(config, { onWarning: (warning) => warnings.push(warning) });
  using best = await openGpu();
  expect(gpu.adapter).toEqual(best.adapter);
  expect(warnings).toEqual([]);
});
