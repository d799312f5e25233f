import { join, resolve } from "node:path";
import { Command } from "commander";
import { expect, it } from "vitest";
import { addServedModelOptions, hostedModels, type ServedModelFlags } from "../../../src/cli/serving/model-options.js";
import { GpuHostDevice } from "../../../src/server/local/gpu-host-device.js";
import { fixtureFolder } from "../../support/golden.js";
import { sharedGpu } from "../../support/gpu.js";

const KANDINSKY = fixtureFolder("kandinsky-text-to-image");
const PRIOR = join(KANDINSKY, "prior");

function models(...args: readonly string[]) {
  const command = addServedModelOptions(new Command().exitOverride());
  return hostedModels(command.parse(args, { from: "user" }).opts<ServedModelFlags>());
}

it("the prior of the only model needs no name", () => {
  expect(models("--model", "a=karlo", "--prior-folder", PRIOR)).toMatchObject([
    { name: "a", config: "karlo", prior: resolve(PRIOR) },
  ]);
  expect(models("--prior-folder", "org/name")).toMatchObject([{ name: "shapes", prior: "org/name" }]);
});

it("each of several models has a prior of its own", () => {
  const two = ["--model", "a=karlo", "--model", "b=kandinsky-2.2"];
  expect(models(...two, "--prior-folder", "b=org/name").map(({ prior }) => prior)).toEqual([undefined, "org/name"]);
  expect(() => models(...two, "--prior-folder", "org/name")).toThrow(/must name one of the models a, b\. Write NAME/);
  expect(() => models(...two, "--prior-folder", "c=org/name")).toThrow(/one of the models a, b, not c/);
  const twice = ["--prior-folder", "a=org/name", "--prior-folder", "a=org/other"];
  expect(() => models(...two, ...twice)).toThrow(/given twice for the model a/);
});

it("a prior that belongs to another model is refused by the device, and the right one opened", async () => {
  const device = new GpuHostDevice(await sharedGpu());
  const decoder = {
    name: "kandinsky",
    config: join(fixtureFolder("kandinsky-img2img"), "model"),
    dtype: "f32",
  } as const;
  await expect(device.describe({ ...decoder, prior: join(KANDINSKY, "nowhere") })).rejects.toThrow(/nowhere/);
  const [plain, own] = [await device.describe(decoder), await device.describe({ ...decoder, prior: PRIOR })];
  expect([plain.prior, own.prior]).toEqual([undefined, expect.anything()]);
});
