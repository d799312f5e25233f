import { describe, expect, it } from "vitest";
import { MemorySource } from "../../../src/platform/source.js";
import { openCheckpoint } from "../../../src/models/open-checkpoint.js";
import type { CheckpointOptions } from "../../../src/weights/checkpoint.js";
import { scalar, TestObject, torchLegacy, torchZip, type TestTree } from "../../support/torch-file.js";
import { open, values, problem, prior, PRIOR_NAMES, decoder, clip, below, optimizer } from "../../support/finding.js";

describe("weights under other keys", () => {
  it.each<[string, TestTree]>([
    ["model_state_dict", { model_state_dict: prior(1), optimizer_state_dict: optimizer }],
    ["module", { module: prior(1), optimizer, ds_version: "0.9.5" }],
    ["net", { net: prior(1), acc: 90, epoch: 3 }],
    ["network", { network: prior(1) }],
    ["state", { state: prior(1) }],
    ["params", { params: prior(1) }],
    ["params", { params: prior(1), params_ema: prior(2) }],
    ["weights", { weights: prior(1) }],
    ["generator", { generator: prior(1), discriminator: { "conv.weight": scalar(3) }, g_optim: optimizer }],
    ["a key of no meaning", { "a key of no meaning": prior(1) }],
    ["checkpoint.model.state_dict", { checkpoint: { model: { state_dict: prior(1) } }, epoch: 3 }],
    ["0", [prior(1), optimizer]],
    ["model", { model: prior(1), model_state_dict: prior(2), best: prior(3) }],
    ["model_state_dict", { model_state_dict: prior(1), ema_state_dict: prior(2), grads: prior(3) }],
    ["trainer.model", { trainer: new TestObject("__main__", "Trainer", { model: prior(1), optimizer }) }],
  ])("%s", async (key, tree) => {
    for (const write of [torchZip, torchLegacy]) {
      const checkpoint = await openCheckpoint(new MemorySource(write(tree), "x.pth"));
      expect(checkpoint.key).toBe(key);
      expect(checkpoint.weights).toBe("online");
      expect(await values(checkpoint.tensors)).toEqual({
        "net.learned_query": 1,
        "net.causal_transformer.norm.g": 1.5,
        "noise_scheduler.betas": 0.25,
      });
    }
  });

  it("in parts that make up one model", async () => {
    const [first, second] = [0, 1].map((i) => ({ "to_time_hiddens.1.weight": scalar(i), "mid_block1.a": scalar(i) }));
    const { tensors } = await open({ decoder: { unets: [first!, second!] } });
    expect(await values(tensors)).toEqual({
      "unets.0.to_time_hiddens.1.weight": 0,
      "unets.0.mid_block1.a": 0,
      "unets.1.to_time_hiddens.1.weight": 1,
      "unets.1.mid_block1.a": 1,
    });
  });

  it("with a version beside that is none", async () => {
    const { version, skipped } = await open({ model: prior(1), version: "my best run" });
    expect([version, skipped]).toEqual([undefined, [{ key: "version", what: "a text of 11 characters" }]]);
  });

  it("with the version and the config that lie beside", async () => {
    const inner = { model: prior(1), version: "1.12.4", config: { prior: {} } };
    const checkpoint = await open({ checkpoint: inner, version: "0.1", epoch: 3 });
    expect([checkpoint.version, checkpoint.config]).toEqual(["1.12.4", { prior: {} }]);
    expect(checkpoint.skipped.map(({ key }) => key)).toEqual(["version", "epoch"]);
  });

  it.each(["ema_state_dict", "model_ema", "ema_model", "averaged_model", "swa", "g_ema"])(
    "an average under %s",
    async (key) => {
      const tree = { model_state_dict: prior(1), [key]: prior(2) };
      const [trained, average] = [await open(tree), await open(tree, { weights: "ema" })];
      expect([trained.weights, (await values(trained.tensors))["net.learned_query"]]).toEqual(["online", 1]);
      expect(trained.availableWeights).toEqual(["online", "ema"]);
      expect([average.weights, (await values(average.tensors))["net.learned_query"]]).toEqual(["ema", 2]);
      expect((await open({ [key]: prior(2) })).weights).toBe("ema");
    },
  );

  it("averages of a decoder's U-Nets, as its trainer holds them, over the rest", async () => {
    const trainer = {
      ...below("decoder.", decoder(1)),
      "ema_unets.0.online_model.to_time_hiddens.1.weight": scalar(1),
      "ema_unets.0.ema_model.to_time_hiddens.1.weight": scalar(11),
    };
    const average = await open(trainer, { weights: "ema" });
    expect(await values(average.tensors)).toEqual({
      "unets.0.to_time_hiddens.1.weight": 11,
      "unets.1.to_time_hiddens.1.weight": 1.5,
      "noise_schedulers.0.betas": 0.25,
    });
  });

  it("never those of an optimizer", async () => {
    const states = Object.fromEntries(
      Object.entries(prior(9)).map(([name, value]) => [name, { exp_avg: value, step: 1 }]),
    );
    const { key } = await open({
      optimizer: { state: states, param_groups: [] },
      my_state: { state: prior(9), param_groups: [] },
      optim: prior(9),
      momentum: below("x.", states),
      z: prior(1),
    });
    expect(key).toBe("z");
    expect(await problem({ optimizer: { state: states, param_groups: [] }, epoch: 3 })).toMatch(/no model in it/);
  });

  it("several that fit equally: an error that lists them", async () => {
    const message = await problem({ model_state_dict: prior(1), best_model_state_dict: prior(2), epoch: 3 });
    expect(message).toMatch(/several models.*"state_dict_key" beside load_model_from or with --key/);
    expect(message).toMatch(
      /: model_state_dict \(a prior, 3 tensors\); best_model_state_dict \(a prior, 3 tensors\)\. Choose/,
    );
    const shared = prior(1);
    expect((await open({ first: shared, second: shared })).key).toBe("first");
  });

  it("the kind that is asked for", async () => {
    const state = { ...below("prior.", prior(1)), ...below("decoder.", decoder(2)), ...below("clip.", clip(3)) };
    const found = async (model: CheckpointOptions["model"]) => (await open({ state_dict: state }, { model })).key;
    expect([await found("prior"), await found("decoder"), await found("clip")]).toEqual([
      "state_dict.prior",
      "state_dict.decoder",
      "state_dict.clip",
    ]);
    expect(await problem({ state_dict: state })).toMatch(
      /state_dict\.prior \(a prior, .*state_dict\.decoder \(a decoder, /,
    );
    expect((await open({ state_dict: prior(1), other: clip(1) }, { model: "decoder" })).key).toBe("state_dict");
  });

  it("of a model of another family: an error that lists the dicts with tensors", async () => {
    expect(await problem({ generator: { "conv.weight": scalar(1), "conv.bias": scalar(1) }, epoch: 3 })).toMatch(
      /keys generator, epoch\. Tensors are in generator \(2\); .*--key/,
    );
  });
});

describe("a key that the user gives", () => {
  const tree = {
    checkpoint: { "model.a": { state_dict: prior(1) }, best: { state_dict: prior(2) } },
    lightning: { ...below("teacher.", prior(3)), ...below("student.module.", prior(4)), "head.weight": scalar(5) },
    other: { "layer.weight": scalar(6) },
    whole: { model: prior(7), optimizer },
  };

  it.each<[CheckpointOptions["stateDictKey"], number, string?]>([
    ["checkpoint.best.state_dict", 2],
    ["checkpoint.best", 2, "checkpoint.best.state_dict"],
    ["checkpoint.model.a", 1, "checkpoint.model.a.state_dict"],
    [["checkpoint", "model.a", "state_dict"], 1, "checkpoint.model.a.state_dict"],
    ["lightning.teacher", 3],
    ["lightning.student", 4],
    ["whole", 7, "whole.model"],
  ])("%j", async (stateDictKey, value, key = stateDictKey) => {
    const checkpoint = await open(tree, { stateDictKey });
    expect([checkpoint.key, (await values(checkpoint.tensors))["net.learned_query"]]).toEqual([key, value]);
    expect([...checkpoint.tensors.keys()]).toEqual(PRIOR_NAMES);
  });

  it("leads to a model of any family", async () => {
    expect([...(await open(tree, { stateDictKey: "other" })).tensors.keys()]).toEqual(["layer.weight"]);
  });

  it.each<[string, RegExp]>([
    ["nothing", /no "nothing" in it, where.*keys checkpoint, lightning, other, whole/],
    ["checkpoint.last", /no "last" in "checkpoint", where.*keys model\.a, best/],
    ["lightning.learner", /no "learner" in "lightning", where.*keys teacher, student, head/],
    ["checkpoint.best.state_dict.net.x", /no "net\.x" in "checkpoint\.best\.state_dict".*keys net, noise_scheduler/],
    ["whole.optimizer", /no model in it/],
    ["\u001b[2J", /no "\uFFFD\[2J" in it/],
  ])("is an error where it leads nowhere: %j", async (stateDictKey, message) => {
    expect(await problem(tree, { stateDictKey })).toMatch(message);
  });
});
