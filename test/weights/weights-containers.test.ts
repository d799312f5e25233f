import { describe, expect, it } from "vitest";
import { MemorySource } from "../../src/platform/source.js";
import { openCheckpoint } from "../../src/models/open-checkpoint.js";
import type { CheckpointOptions } from "../../src/weights/checkpoint.js";
import type { Checkpoint } from "../../src/weights/checkpoint.js";
import { toFloat32 } from "../../src/weights/dtypes.js";
import { FormatError } from "../../src/weights/errors.js";
import { writeSafetensors } from "../../src/weights/formats/safetensors.js";
import { collect } from "../support/collect.js";
import { scalar, TestTensor, torchZip, type TestTree } from "../support/torch-file.js";

const open = (tree: TestTree, options?: CheckpointOptions) =>
  openCheckpoint(new MemorySource(torchZip(tree), "x.pth"), options);

/** Each tensor's first value, by name. */
async function values(tensors: Checkpoint["tensors"]): Promise<Record<string, number>> {
  const read = [...tensors].map(
    async ([name, entry]) => [name, toFloat32(entry.dtype, await entry.read())[0]!] as const,
  );
  return Object.fromEntries(await Promise.all(read));
}

const names = ({ tensors }: Checkpoint) => [...tensors.keys()];

const PRIOR_TRAINER = {
  optimizer: { state: {} },
  model: { "net.a": scalar(1), "noise_scheduler.betas": scalar(2), "clip.clip.visual.proj": scalar(3) },
  version: "1.1.0",
  ema: {
    initted: scalar(1),
    step: scalar(7),
    "online_model.net.a": scalar(1),
    "online_model.noise_scheduler.betas": scalar(2),
    "ema_model.net.a": scalar(11),
    "ema_model.noise_scheduler.betas": scalar(2),
  },
  ema_model: { "net.a": scalar(11), "noise_scheduler.betas": scalar(2), "clip.clip.visual.proj": scalar(3) },
};

const DECODER_TRAINER = {
  model: { "unets.0.a": scalar(1), "unets.1.a": scalar(2), "noise_schedulers.0.betas": scalar(3) },
  version: "0.11.5",
  optim0: { state: {} },
  ema: {
    "0.initted": scalar(1),
    "0.step": scalar(7),
    "0.online_model.a": scalar(1),
    "0.ema_model.a": scalar(11),
    "1.ema_model.a": scalar(12),
  },
};

describe("the save of a trainer", () => {
  it("gives the weights under model, as dalle2-laion's loader does", async () => {
    for (const options of [{}, { weights: "online" }] as const) {
      const checkpoint = await open(PRIOR_TRAINER, options);
      expect(await values(checkpoint.tensors)).toEqual({ "net.a": 1, "noise_scheduler.betas": 2 });
      expect([checkpoint.container, checkpoint.weights]).toEqual(["trainer save", "online"]);
      expect(checkpoint.availableWeights).toEqual(["online", "ema"]);
    }
  });

  it("gives a prior's average", async () => {
    const checkpoint = await open(PRIOR_TRAINER, { weights: "ema" });
    expect(checkpoint.weights).toBe("ema");
    expect(await values(checkpoint.tensors)).toEqual({ "net.a": 11, "noise_scheduler.betas": 2 });
    const wrapped = { ...PRIOR_TRAINER, ema_model: null };
    expect(await values((await open(wrapped, { weights: "ema" })).tensors)).toEqual({
      "net.a": 11,
      "noise_scheduler.betas": 2,
    });
  });

  it("gives a decoder's averages, U-Net by U-Net, over the rest of the model", async () => {
    const checkpoint = await open(DECODER_TRAINER, { weights: "ema" });
    expect(await values(checkpoint.tensors)).toEqual({
      "unets.0.a": 11,
      "unets.1.a": 12,
      "noise_schedulers.0.betas": 3,
    });
    expect(await values((await open(DECODER_TRAINER)).tensors)).toEqual({
      "unets.0.a": 1,
      "unets.1.a": 2,
      "noise_schedulers.0.betas": 3,
    });
  });
});

describe("the save of a tracker", () => {
  const tracker = { version: "1.1.0", config: { decoder: { unets: {} } }, model: { "unets.0.a": scalar(1) } };

  it("has version and config beside its model", async () => {
    const checkpoint = await open(tracker);
    expect([checkpoint.container, checkpoint.version]).toEqual(["tracker save", "1.1.0"]);
    expect(checkpoint.config).toEqual({ decoder: { unets: {} } });
  });

  it("has no other average", async () => {
    const error: unknown = await open(tracker, { weights: "ema" }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(FormatError);
    expect(String(error)).toMatch(/contains only online weights.*tracker's save contains the average as its model/);
  });
});

describe("an EMA's own state dict", () => {
  const ema = { initted: scalar(1), "online_model.a": scalar(1), "ema_model.a": scalar(2) };

  it("gives the average, or the online weights", async () => {
    const checkpoint = await open(ema);
    expect([checkpoint.container, await values(checkpoint.tensors)]).toEqual(["EMA state dict", { a: 2 }]);
    expect(await values((await open(ema, { weights: "online" })).tensors)).toEqual({ a: 1 });
  });

  it("may be that of a decoder's list", async () => {
    expect(await values((await open({ "0.ema_model.a": scalar(1), "0.step": scalar(9) })).tensors)).toEqual({
      "unets.0.a": 1,
    });
  });
});

describe("names", () => {
  it.each<[string, readonly string[], readonly string[]]>([
    [
      "of DataParallel",
      ["module.unets.0.a", "module.noise_schedulers.0.betas"],
      ["unets.0.a", "noise_schedulers.0.betas"],
    ],
    ["of DataParallel around a part", ["unets.0.module.a", "unets.1.a"], ["unets.0.a", "unets.1.a"]],
    ["of both, twice", ["module.module.a", "module._orig_mod.b"], ["a", "b"]],
    ["of Lightning", ["model.unets.0.a", "model.unets.0.b"], ["unets.0.a", "unets.0.b"]],
    [
      "of a network alone",
      ["net.learned_query", "net.to_time_embeds.0.weight"],
      ["learned_query", "to_time_embeds.0.weight"],
    ],
    ["of an adapter", ["clip.visual.proj", "clip.ln_final.bias"], ["visual.proj", "ln_final.bias"]],
    ["of a prior, which keeps net", ["net.a", "noise_scheduler.betas"], ["net.a", "noise_scheduler.betas"]],
    ["that only begin alike", ["network.a", "modules.b", "my_module.c"], ["network.a", "modules.b", "my_module.c"]],
    ["that would fall together", ["module.a", "a"], ["module.a", "a"]],
  ])("%s", async (_, stored, expected) => {
    expect(names(await open(Object.fromEntries(stored.map((name, i) => [name, scalar(i)]))))).toEqual(expected);
  });

  it("of safetensors likewise", async () => {
    const tensors = ["module.net.a", "module.clip.clip.b", "module.noise_scheduler.betas"].map((name) => ({
      name,
      dtype: "F32" as const,
      shape: [1],
      chunks: () => [new Uint8Array(4)],
    }));
    const bytes = Buffer.concat(await collect(writeSafetensors(tensors)));
    const checkpoint = await openCheckpoint(new MemorySource(bytes, "x.safetensors"));
    expect(names(checkpoint).sort()).toEqual(["net.a", "noise_scheduler.betas"]);
    expect([...checkpoint.clip.values()].map(({ name }) => name)).toEqual(["b"]);
  });
});

describe("what was saved along with the model", () => {
  it("CLIP is a component of its own", async () => {
    const checkpoint = await open({
      "net.a": scalar(1),
      "noise_scheduler.betas": scalar(2),
      "clip.clip.visual.proj": scalar(3),
      "clip.clip.logit_scale": scalar(4),
    });
    expect(names(checkpoint)).toEqual(["net.a", "noise_scheduler.betas"]);
    expect(await values(checkpoint.clip)).toEqual({ "visual.proj": 3, logit_scale: 4 });
  });

  it("autoencoders are dropped", async () => {
    expect(names(await open({ "unets.0.a": scalar(1), "vaes.0.encoder.a": scalar(2) }))).toEqual(["unets.0.a"]);
  });
});

it("half, double and shared storages, and 64-bit zip fields", async () => {
  const shared = { dtype: "F32", bytes: new Uint8Array(Float32Array.of(1, 2, 3).buffer) } as const;
  const tree = {
    half: new TestTensor([1], { dtype: "F16", bytes: new Uint8Array(Uint16Array.of(0x4200).buffer) }),
    double: new TestTensor([1], { dtype: "F64", bytes: new Uint8Array(Float64Array.of(4).buffer) }),
    head: new TestTensor([2], shared),
    tail: new TestTensor([2], shared, 1),
  };
  const checkpoint = await openCheckpoint(new MemorySource(torchZip(tree, { zip64: true }), "x.pth"));
  expect(await values(checkpoint.tensors)).toEqual({ half: 3, double: 4, head: 1, tail: 2 });
});
