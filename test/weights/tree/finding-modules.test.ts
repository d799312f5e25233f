import { describe, expect, it } from "vitest";
import { MemorySource } from "../../../src/platform/source.js";
import { openCheckpoint } from "../../../src/models/open-checkpoint.js";
import {
  PickleText,
  scalar,
  testModule,
  TestObject,
  torchLegacy,
  torchZip,
  type TestTree,
} from "../../support/torch-file.js";
import { open, values, problem, prior, PRIOR_NAMES, optimizer } from "../../support/finding.js";

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

  it("is not walked without end: modules that share parts, a cycle", async () => {
    let module = testModule({ parameters: { "causal_transformer.a": scalar(1) } });
    for (let level = 0; level < 40; level++) module = testModule({ modules: { a: module, b: module } });
    const start = performance.now();
    expect(await problem(module)).toMatch(/its objects (expand to far more|need too much)/);
    expect(performance.now() - start).toBeLessThan(5000);
    const cycle = new PickleText("cx\nNet\n)\x81p0\n}(V_parameters\n}V_modules\n}Vself\ng0\nsub");
    expect(await problem({ model: cycle })).toMatch(/it contains no model/);
  });
});

describe("values made to be walked forever end soon", () => {
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
      if (opened instanceof Error) expect(String(opened)).toMatch(/FormatError.*its objects expand to far more/);
    }
  });
});
