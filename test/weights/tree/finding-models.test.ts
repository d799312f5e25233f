import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { openFile } from "../../../src/platform/node.js";
import { MemorySource } from "../../../src/platform/source.js";
import { openCheckpoint } from "../../../src/models/open-checkpoint.js";
import { convertCheckpoint } from "../../../src/models/convert.js";
import { modelNames } from "../../../src/models/families.js";
import { componentOf } from "../../../src/models/dalle2-pytorch/dialect/component.js";
import { toFloat32 } from "../../../src/weights/dtypes.js";
import { Budget } from "../../../src/weights/formats/budget.js";
import { writeSafetensors } from "../../../src/weights/formats/safetensors.js";
import { inspectCheckpoint } from "../../../src/models/inspect.js";
import { findWeights } from "../../../src/weights/state-dict.js";
import { Parts, type TensorKind } from "../../../src/weights/tree/entries.js";
import { collect } from "../../support/collect.js";
import { headerSet } from "../../support/headers.js";
import { f32, PickleText, scalar, TestTensor, torchLegacy, torchZip, type TestTree } from "../../support/torch-file.js";
import { fixture, open, values, problem, prior, PRIOR_NAMES, clip, below, optimizer } from "../../support/finding.js";

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
    const report = await inspectCheckpoint(original);
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
    ["a text", "sk-secret", "a string of 9 characters"],
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

  it("of another family counts if most of it is tensors", async () => {
    const { tensors, skipped } = await open({ "layer.weight": scalar(1), "layer.bias": scalar(2), epoch: 3 });
    expect([...tensors.keys()]).toEqual(["layer.weight", "layer.bias"]);
    expect(skipped).toEqual([{ key: "epoch", what: "the number 3" }]);
    expect(await problem({ loss: scalar(1), epoch: 3, lr: 0.1 })).toMatch(/it contains no model.*keys loss, epoch, lr/);
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

  it("stay if two different tensors would get one name, and the error names both", async () => {
    const tree = { ...prior(1), "module.net.learned_query": scalar(7) };
    expect(await problem(tree)).toMatch(
      /two of its tensors map to net\.learned_query.*net\.learned_query and module\.net\.learned/,
    );
    const shared = prior(1);
    expect([...(await open({ ...shared, ...below("module.", shared) })).tensors.keys()]).toEqual(PRIOR_NAMES);
  });

  it("report parameters that FSDP flattened", async () => {
    expect(await problem({ "_fsdp_wrapped_module.flat_param_0": f32([4], [1, 2, 3, 4]), epoch: 3, lr: 0.1 })).toMatch(
      /FSDP flattened.*FULL_STATE_DICT/,
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
  /** Tensors with only a name. */
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
        const found = findWeights(tree, new Parts(NAMES, new Budget("x", 1e6), modelNames()), {});
        expect(componentOf(found.tensors), versions[0]).toBe(expected);
        expect([...found.tensors.keys()], versions[0]).toEqual([...header.keys()]);
      }
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
