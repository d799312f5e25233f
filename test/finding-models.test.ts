import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { openFile } from "../src/platform/node.js";
import { MemorySource } from "../src/platform/source.js";
import { openCheckpoint, type Checkpoint, type OpenOptions } from "../src/weights/checkpoint.js";
import { convertCheckpoint } from "../src/weights/convert.js";
import { componentOf } from "../src/weights/dialect/component.js";
import { toFloat32 } from "../src/weights/dtypes.js";
import { FormatError } from "../src/weights/errors.js";
import { Budget } from "../src/weights/formats/budget.js";
import { writeSafetensors } from "../src/weights/formats/safetensors.js";
import { inspectCheckpoint } from "../src/weights/inspect.js";
import { findWeights } from "../src/weights/state-dict.js";
import { Parts, type TensorKind } from "../src/weights/tree/entries.js";
import { collect } from "./support/collect.js";
import { headerSet } from "./support/headers.js";
import {
  f32,
  PickleText,
  scalar,
  testModule,
  TestObject,
  TestTensor,
  torchLegacy,
  torchZip,
  type TestTree,
} from "./support/torch-file.js";

const fixture = (name: string) => fileURLToPath(new URL(`fixtures/finding/${name}`, import.meta.url));
const open = (tree: TestTree, options?: OpenOptions) =>
  openCheckpoint(new MemorySource(torchZip(tree), "x.pth"), options);

async function values(tensors: Checkpoint["tensors"]): Promise<Record<string, number>> {
  const read = [...tensors].map(
    async ([name, entry]) => [name, toFloat32(entry.dtype, await entry.read())[0]!] as const,
  );
  return Object.fromEntries(await Promise.all(read));
}

/** What opening fails with, in words. */
async function problem(tree: TestTree, options?: OpenOptions): Promise<string> {
  const error: unknown = await open(tree, options).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(FormatError);
  return String(error);
}

/** Enough of a prior, a decoder and a CLIP to be known as such; the values tell which it is. */
const prior = (value: number) => ({
  "net.learned_query": scalar(value),
  "net.causal_transformer.norm.g": scalar(value + 0.5),
  "noise_scheduler.betas": scalar(0.25),
});
const PRIOR_NAMES = ["net.learned_query", "net.causal_transformer.norm.g", "noise_scheduler.betas"];
const decoder = (value: number) => ({
  "unets.0.to_time_hiddens.1.weight": scalar(value),
  "unets.1.to_time_hiddens.1.weight": scalar(value + 0.5),
  "noise_schedulers.0.betas": scalar(0.25),
});
const clip = (value: number) => ({ "visual.proj": scalar(value), "ln_final.weight": scalar(value + 0.5) });
const below = <T extends TestTree>(prefix: string, dict: Readonly<Record<string, T>>) =>
  Object.fromEntries(Object.entries(dict).map(([name, value]) => [prefix + name, value]));
const optimizer = { state: { 0: { step: scalar(9), exp_avg: scalar(9) } }, param_groups: [{ lr: 0.1, params: [0] }] };

describe("files of public reports hold what torch reads from them", () => {
  // Name, shape, first value and sum, by torch 2.13.
  const EXPECTED = [
    ["net.learned_query", [8], 0.6613522, -0.1478499],
    ["net.null_text_embeds", [1, 1, 8], -1.027609, -3.012615],
    ["net.causal_transformer.layers.0.0.null_kv", [2, 4], -0.4211951, -0.5504155],
    ["net.causal_transformer.layers.0.0.norm.g", [8], 0.3255015, 2.810857],
    ["net.causal_transformer.layers.0.0.to_q.weight", [8, 8], -0.02550246, -1.231515],
    ["net.causal_transformer.layers.0.0.to_kv.weight", [8, 8], 0.7123646, 11.99145],
    ["net.causal_transformer.norm.g", [8], 1.538142, 3.422997],
  ] as const;

  it.each<[string, string, readonly string[]]>([
    ["one-other-value.pth", "", ["epoch"]],
    ["fsdp.pth", "", []],
    ["model_state_dict.pth", "model_state_dict", ["epoch", "optimizer_state_dict"]],
    ["deepspeed.pth", "module", ["epoch", "optimizer_state_dict"]],
    [
      "lightning.ckpt",
      "state_dict.model",
      ["epoch", "pytorch-lightning_version", "state_dict.loss_fn", "hyper_parameters"],
    ],
    ["whole-module.pth", "", []],
    ["pytorch_model.bin.index.json", "", []],
  ])("%s", async (file, key, skipped) => {
    const original = await openCheckpoint(await openFile(fixture(file)));
    const report = inspectCheckpoint(original);
    expect([report.component, report.key, report.skipped.map((one) => one.key)]).toEqual(["prior", key, skipped]);
    const converted = new MemorySource(Buffer.concat(await collect(convertCheckpoint(original))), "out.safetensors");
    await original.close();
    const { tensors } = await openCheckpoint(converted);
    expect([...tensors.keys()].sort()).toEqual(EXPECTED.map(([name]) => name).sort());
    for (const [name, shape, first, sum] of EXPECTED) {
      const entry = tensors.get(name)!;
      const data = toFloat32(entry.dtype, await entry.read());
      expect(entry.shape, name).toEqual(shape);
      expect(data[0], name).toBeCloseTo(first, 6);
      expect(
        data.reduce((total, value) => total + value, 0),
        name,
      ).toBeCloseTo(sum, 5);
    }
  });
});

describe("a bare state dict with other values", () => {
  it.each<[string, TestTree, string]>([
    ["a number", 3, "the number 3"],
    ["None", null, "None"],
    ["a text", "sk-secret", "a text of 9 characters"],
    ["bytes", new PickleText("B\x03\x00\x00\x00abc"), "3 bytes"],
    ["a log", Array<number>(5000).fill(0.5), "a list of 5000"],
    ["a dict", { lr: 0.1 }, "a dict of 1"],
    ["an optimizer", optimizer, "a dict of 2"],
    ["an object", new PickleText("cargparse\nNamespace\n)R"), "an object of argparse.Namespace"],
    ["an object as pickled long ago", new PickleText("ccopy_reg\n_reconstructor\n(cx\nRun\nNtR"), "an object of x.Run"],
    ["a class", new PickleText("cmain\nRun\n"), "the name main.Run"],
    ["a boolean", true, "True"],
    ["a tensor", scalar(4), "a tensor, F32 [1]"],
    ["a tensor of no place in it", { step: scalar(4) }, "a dict of 1"],
  ])("%s", async (_, value, what) => {
    for (const write of [torchZip, torchLegacy]) {
      const bytes = write({ extra: value, ...prior(1), more: value });
      const { container, tensors, skipped } = await openCheckpoint(new MemorySource(bytes, "x.pth"));
      expect([container, [...tensors.keys()]]).toEqual(["bare state dict", PRIOR_NAMES]);
      expect(skipped).toEqual([
        { key: "extra", what },
        { key: "more", what },
      ]);
    }
  });

  it("of another family is one where tensors are most of it", async () => {
    const { tensors, skipped } = await open({ "layer.weight": scalar(1), "layer.bias": scalar(2), epoch: 3 });
    expect([...tensors.keys()]).toEqual(["layer.weight", "layer.bias"]);
    expect(skipped).toEqual([{ key: "epoch", what: "the number 3" }]);
    expect(await problem({ loss: scalar(1), epoch: 3, lr: 0.1 })).toMatch(/no model in it.*keys loss, epoch, lr/);
  });

  it("is listed shortly, and without what steers a terminal", async () => {
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`log${i}`, i]));
    const { skipped } = await open({ ...prior(1), ["\u001b[2J" + "x".repeat(500)]: 1, ...many });
    expect(skipped.length).toBe(101);
    expect(skipped[0]!.key).toMatch(/^\uFFFD\[2Jx{116}…$/);
    expect(skipped.at(-1)).toEqual({ key: "…", what: "201 more" });
  });
});

describe("names of wrappers", () => {
  const WRAPPERS = [
    "module.",
    "_orig_mod.",
    "_fsdp_wrapped_module.",
    "_fpw_module.",
    "_checkpoint_wrapped_module.",
    "_forward_module.",
    "_original_module.",
    "module._orig_mod.module.",
    "_forward_module._fsdp_wrapped_module._checkpoint_wrapped_module.",
  ];

  it.each(WRAPPERS)("%s at the beginning, in the middle, in both", async (wrapper) => {
    const inside = Object.fromEntries(
      Object.entries(prior(1)).map(([name, value]) => [name.replace(/^net\./, `net.${wrapper}`), value]),
    );
    for (const dict of [below(wrapper, prior(1)), inside, below(wrapper, inside)])
      expect(await values((await open(dict)).tensors)).toEqual(await values((await open(prior(1))).tensors));
  });

  it("around parts of a decoder, of a CLIP beside it, and below a head", async () => {
    const { tensors, clip: bundled } = await open({
      "model.unets.0._fsdp_wrapped_module.to_time_hiddens.1.weight": scalar(1),
      "model.unets.0.downs.0._checkpoint_wrapped_module.a": scalar(2),
      "model.clip.clip._orig_mod.visual.proj": scalar(3),
      "model.noise_schedulers.0.betas": scalar(4),
    });
    expect(await values(tensors)).toEqual({
      "unets.0.to_time_hiddens.1.weight": 1,
      "unets.0.downs.0.a": 2,
      "noise_schedulers.0.betas": 4,
    });
    expect(await values(bundled)).toEqual({ "visual.proj": 3 });
  });

  it.each(["model.", "net.model.", "ema_model.", "diffusion_prior.", "prior.", "a.b.c.d."])(
    "a head %s",
    async (head) => {
      expect([...(await open(below(head, prior(1)))).tensors.keys()]).toEqual(PRIOR_NAMES);
      expect([...(await open({ state_dict: below(`module.${head}`, prior(1)) })).tensors.keys()]).toEqual(PRIOR_NAMES);
    },
  );

  it("are left where two different tensors would be one, and the error names both", async () => {
    const tree = { ...prior(1), "module.net.learned_query": scalar(7) };
    expect(await problem(tree)).toMatch(
      /two tensors for net\.learned_query.*net\.learned_query and module\.net\.learned/,
    );
    const shared = prior(1);
    expect([...(await open({ ...shared, ...below("module.", shared) })).tensors.keys()]).toEqual(PRIOR_NAMES);
  });

  it("say so where FSDP flattened the parameters", async () => {
    expect(await problem({ "_fsdp_wrapped_module.flat_param_0": f32([4], [1, 2, 3, 4]), epoch: 3, lr: 0.1 })).toMatch(
      /flattened by FSDP.*FULL_STATE_DICT/,
    );
  });

  it("of safetensors, too", async () => {
    const tensors = Object.keys(prior(1)).map((name) => ({
      name: `model._orig_mod.${name}`,
      dtype: "F32" as const,
      shape: [1],
      chunks: () => [new Uint8Array(4)],
    }));
    const loss = { name: "lpips.lin0.weight", dtype: "F32" as const, shape: [1], chunks: () => [new Uint8Array(4)] };
    const bytes = Buffer.concat(await collect(writeSafetensors([...tensors, loss])));
    const checkpoint = await openCheckpoint(new MemorySource(bytes, "x.safetensors"));
    expect([...checkpoint.tensors.keys()].sort()).toEqual([...PRIOR_NAMES].sort());
    expect(checkpoint.skipped).toEqual([{ key: "lpips", what: "a tensor, F32 [1]" }]);
  });
});

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
    const found = async (model: OpenOptions["model"]) => (await open({ state_dict: state }, { model })).key;
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

  it.each<[OpenOptions["stateDictKey"], number, string?]>([
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

describe("more than the model in a state dict", () => {
  const others = {
    "loss_fn.weight": scalar(9),
    "lpips.net.slice1.0.weight": scalar(9),
    "lpips.lin0.model.1.weight": scalar(9),
    "discriminator.main.0.weight": scalar(9),
    "clip.visual.proj": scalar(9),
    logit_scale: scalar(9),
    "vaes.0.encoder.a": scalar(9),
  };

  it.each<[string, TestTree]>([
    ["below a head", { state_dict: { ...below("model.", prior(1)), ...others }, global_step: 7 }],
    ["without a head", { state_dict: { ...others, ...prior(1) } }],
    ["bare", { ...prior(1), ...others }],
  ])("%s", async (_, tree) => {
    const checkpoint = await open(tree);
    expect([...checkpoint.tensors.keys()]).toEqual(PRIOR_NAMES);
    const what = new Map(checkpoint.skipped.map((one) => [one.key.replace(/^state_dict\./, ""), one.what]));
    expect(what.get("loss_fn")).toBe("a tensor, F32 [1]");
    expect(what.get("lpips")).toBe("2 tensors");
    expect(what.get("logit_scale")).toBe("a tensor, F32 [1]");
  });

  it("leaves the schedule of old versions at the root, and a CLIP inside of the model", async () => {
    const schedule = { betas: scalar(1), sqrt_recipm1_alphas_cumprod: scalar(1), p2_loss_weight: scalar(1) };
    const { tensors, clip: bundled } = await open({
      model: { ...schedule, "net.causal_transformer.norm.g": scalar(1), ...below("clip.clip.", clip(3)), ...others },
    });
    expect([...tensors.keys()].sort()).toEqual([...Object.keys(schedule), "net.causal_transformer.norm.g"].sort());
    expect([...bundled.keys()]).toContain("clip.visual.proj");
  });

  it("does not take a CLIP that a model was trained with for the model", async () => {
    const { tensors } = await open({ ...below("clip.", clip(1)), "head.weight": scalar(2) });
    expect([...tensors.keys()]).toEqual(["head.weight"]);
    const own = await open({ state_dict: { ...below("model.", clip(1)), "loss.weight": scalar(2) } });
    expect(Object.keys(await values(own.tensors))).toEqual(["visual.proj", "ln_final.weight"]);
  });
});

describe("every version's names", () => {
  /** Tensors that are only names. */
  const NAMES: TensorKind<{ readonly shape: readonly number[] }> = {
    isTensor: (value): value is { readonly shape: readonly number[] } =>
      typeof value === "object" && value !== null && "shape" in value,
    isSame: (one, other) => one === other,
    describe: () => "",
  };

  it.each(["prior", "prior-continuous", "decoder", "unet-plain", "unet-cross", "unet-combine"])("%s", async (name) => {
    for (const { versions, header } of (await headerSet(name)).groups) {
      const expected = componentOf(header);
      for (const head of ["", "model.", "module.diffusion._orig_mod."]) {
        const state = new Map([...header].map(([key, value]): [string, unknown] => [head + key, value]));
        if (head !== "") state.set("loss_fn.vgg.0.weight", { shape: [1] });
        const tree = new Map<string, unknown>([
          ["epoch", 3],
          ["some_key", state],
        ]);
        const found = findWeights(tree, new Parts(NAMES, new Budget("x", 1e6)), {});
        expect(componentOf(found.tensors), versions[0]).toBe(expected);
        expect([...found.tensors.keys()], versions[0]).toEqual([...header.keys()]);
      }
    }
  });
});

describe("a whole pickled module", () => {
  const rotary = testModule({ parameters: { freqs: scalar(5) } });
  const layer = (value: number) =>
    testModule({ parameters: { g: scalar(value), bias: null }, modules: { rotary_emb: rotary, none: null } });
  const whole = testModule({
    buffers: { step: scalar(8), scratch: scalar(9) },
    volatile: ["scratch"],
    modules: {
      net: testModule({
        parameters: { learned_query: scalar(1) },
        modules: { causal_transformer: testModule({ modules: { 0: layer(2), 1: layer(3) } }) },
      }),
      noise_scheduler: testModule({
        buffers: { betas: scalar(0.25), cache: scalar(9) },
        volatile: ["cache"],
        attributes: { note: scalar(9) },
      }),
    },
  });
  const expected = {
    "net.learned_query": 1,
    "net.causal_transformer.0.g": 2,
    "net.causal_transformer.0.rotary_emb.freqs": 5,
    "net.causal_transformer.1.g": 3,
    "net.causal_transformer.1.rotary_emb.freqs": 5,
    "noise_scheduler.betas": 0.25,
  };

  it.each<[string, TestTree]>([
    ["alone", whole],
    ["in DataParallel", testModule({ modules: { module: whole }, attributes: { device_ids: [0] } })],
    [
      "in torch.compile, in a Lightning module",
      testModule({ modules: { model: testModule({ modules: { _orig_mod: whole } }) } }),
    ],
    ["under model", { model: whole, epoch: 3 }],
    ["under another key", { net_g: whole, optimizer }],
    ["in a list", [whole, optimizer]],
    ["in an object that is no module", new TestObject("__main__", "Trainer", { model: whole, steps: 7 })],
  ])("%s", async (_, tree) => {
    for (const write of [torchZip, torchLegacy]) {
      const { tensors } = await openCheckpoint(new MemorySource(write(tree), "x.pth"));
      expect(await values(tensors)).toEqual(expected);
    }
  });

  it("of torch.fx, and a dict of a class of its own, which are made of what they hold", async () => {
    const graph = new TestObject("torch.fx.graph_module", "reduce_graph_module", null, [
      { _parameters: {}, _buffers: {}, _modules: { model: whole }, _code: "def forward(self): ..." },
    ]);
    expect(await values((await open(graph)).tensors)).toEqual(expected);
    const dict = new TestObject("copy_reg", "_reconstructor", {}, ["addict.Dict", "dict", prior(1)]);
    expect([...(await open({ model: dict })).tensors.keys()]).toEqual(PRIOR_NAMES);
  });

  it("of another family", async () => {
    const { container, tensors } = await open(
      testModule({ modules: { fc: testModule({ parameters: { weight: scalar(1) } }) } }),
    );
    expect([container, await values(tensors)]).toEqual(["module", { "fc.weight": 1 }]);
  });

  it("holds what it was pickled with beside its weights", async () => {
    const { skipped } = await open({ model: whole, args: new PickleText("cargparse\nNamespace\n)R") });
    expect(skipped).toContainEqual({ key: "model.step", what: "a tensor, F32 [1]" });
    expect(skipped).toContainEqual({ key: "args", what: "an object of argparse.Namespace" });
  });

  it("is not unfolded without end: modules that share parts, a cycle", async () => {
    let module = testModule({ parameters: { "causal_transformer.a": scalar(1) } });
    for (let level = 0; level < 40; level++) module = testModule({ modules: { a: module, b: module } });
    const start = performance.now();
    expect(await problem(module)).toMatch(/its objects (unfold to more|take too much)/);
    expect(performance.now() - start).toBeLessThan(5000);
    const cycle = new PickleText("cx\nNet\n)\x81p0\n}(V_parameters\n}V_modules\n}Vself\ng0\nsub");
    expect(await problem({ model: cycle })).toMatch(/no model in it/);
  });
});

describe("what is made to be walked for ever ends soon", () => {
  const NUMBERS = `}p0\n(${Array.from({ length: 30_000 }, (_, i) => `Vk${i}\nN`).join("")}u`;
  const many = (item: string) => `(${item.repeat(30_000)}l`;

  it.each<[string, string]>([
    ["objects that share one dict of attributes", `(${NUMBERS}${many("cx\nRun\n)\x81g0\nb")}l`],
    ["objects that share one dict as an argument", `(${NUMBERS}${many("cx\nRun\n(g0\nt\x81")}l`],
    ["objects that share an object of many items", `(cx\nL\n)\x81p1\n(${"N".repeat(30_000)}e${many("}Va\ng1\ns")}l`],
    ["modules that share parameters", `(${NUMBERS}${many("cx\nNet\n)\x81}(V_parameters\ng0\nV_modules\ng0\nub")}l`],
  ])("%s", async (_, text) => {
    for (const key of ["extra", "optimizer"]) {
      const start = performance.now();
      const opened = await open({ [key]: new PickleText(text), ...prior(1) }).catch((error: unknown) => error);
      expect(performance.now() - start).toBeLessThan(5000);
      if (opened instanceof Error) expect(String(opened)).toMatch(/FormatError.*its objects unfold to more/);
    }
  });
});

it("a dict that many dicts share is walked once", async () => {
  let text = "}p0\nVa\nI1\ns";
  for (let level = 1; level < 200; level++) text = `}p${level}\n(Va\n${text}Vb\ng${level - 1}\nu`;
  const start = performance.now();
  expect([...(await open({ deep: new PickleText(text), ...prior(1) })).tensors.keys()]).toEqual(PRIOR_NAMES);
  expect(performance.now() - start).toBeLessThan(5000);
});

it("a stray tensor with elements elsewhere is not looked up", async () => {
  const lost = new TestTensor([4], { dtype: "F32", bytes: new Uint8Array(4), elements: 4 });
  expect([...(await open({ ...prior(1), lost: { lost } })).tensors.keys()]).toEqual(PRIOR_NAMES);
});

it("fixtures are those of the reports", () => {
  expect(readFileSync(fixture("lfs-pointer.pth"), "utf8")).toMatch(/^version https:\/\/git-lfs/);
});
