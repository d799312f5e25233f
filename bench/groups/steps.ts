import { Build } from "../lib/build.js";
import type { Contender } from "../lib/measure.js";
import type { Options } from "../lib/options.js";
import { circumstances, load, writeResult } from "../lib/results.js";
import { loadPrior, loadTextEncoder, loadUnet, unit, type Network } from "../lib/shapes.js";
import { openSubject, type Subject } from "../lib/subject.js";
import { ortContender, readExample, type Example, type Provider } from "../peers/onnxruntime.js";
import { checkPeers, versionOf } from "../peers/packages.js";
import { compare, relativeError, type ComparedRow } from "./compare.js";

const ROUNDS = { rounds: 9, minRounds: 3, budget: 20 };
const IMAGE_ROUNDS = { rounds: 3, minRounds: 3, budget: 60 };
/** Networks differ from torch by a few 1e-6 in f32. f16 keeps 11 bits of each activation. */
const TOLERANCE = { f32: 1e-4, f16: 3e-2 } as const;
/** Evaluations for an image by the default load config. The samplers of the peers cost nothing here. */
const EVALUATIONS = { clip_text: 1, prior: 16, unet1: 24, unet2: 12 } as const;

export type NetworkName = keyof typeof EVALUATIONS;

export const TITLES: Readonly<Record<NetworkName, string>> = {
  clip_text: "CLIP text encoder",
  prior: "prior, step",
  unet1: "U-Net 1, step with guidance",
  unet2: "U-Net 2, step",
};

export const LOADERS: Readonly<Record<NetworkName, (subject: Subject, { inputs }: Example) => Promise<Network>>> = {
  clip_text: (subject, { inputs }) => loadTextEncoder(subject, inputs),
  prior: (subject, { inputs }) => loadPrior(subject, inputs),
  unet1: (subject, { inputs }) => loadUnet(subject, 1, inputs, 2),
  unet2: (subject, { inputs }) => loadUnet(subject, 2, inputs, 1),
};

const NAMES = Object.keys(EVALUATIONS) as NetworkName[];
const PROVIDERS: Readonly<Record<string, Provider>> = {
  onnxruntime: "webgpu",
  "onnxruntime, NCHW": "webgpu nchw",
  "onnxruntime, CPU provider": "cpu",
};

export async function runSteps(options: Options): Promise<void> {
  checkPeers();
  const { onnx } = options;
  if (onnx === undefined) throw new Error("steps needs --onnx: the folder that bench/python/export_onnx.py wrote.");
  const loadBefore = load();
  const build = new Build(".");
  const subjects = [await openSubject(build, "f32")];
  if (subjects[0]!.features.f16) subjects.push(await openSubject(build, "f16"));
  const { adapter, table } = subjects[0]!;
  console.log(`${adapter.description || adapter.device}, table ${table ?? "none"}`);
  const examples = new Map(NAMES.map((name) => [name, readExample(onnx, name)]));
  const rows: ComparedRow[] = [];
  const keep = (row: ComparedRow): void => {
    rows.push(row);
    const versions = { onnxruntime: versionOf("onnxruntime-node") };
    const known = circumstances({ adapter, build, table, versions, loadBefore });
    writeResult(options.out, { group: "steps", ...known, rows }, { merge: options.only !== undefined });
  };
  const wants = (name: string): boolean => options.only?.test(name) !== false;
  for (const name of NAMES) {
    if (wants(TITLES[name])) keep(await measureStep(name, subjects, examples.get(name)!, options));
  }
  if (wants(IMAGE)) keep(await measureImage(subjects, examples, options));
}

function roundsOf(standard: typeof ROUNDS, { rounds = standard.rounds, budget = standard.budget }: Options) {
  return { minRounds: Math.min(rounds, standard.minRounds), rounds, budget };
}

const errorsFrom = (expected: Float32Array, isText: boolean) => (_: string, result: Float32Array) =>
  relativeError(isText ? unit(result) : result, isText ? unit(expected) : expected);

const toleranceOf = (contender: string): number => TOLERANCE[contender.includes("f16") ? "f16" : "f32"];

async function measureStep(name: NetworkName, subjects: readonly Subject[], example: Example, options: Options) {
  const contenders: Contender[] = [];
  for (const subject of subjects) {
    const { whole, step } = await LOADERS[name](subject, example);
    const title = `dalle2-webgpu ${subject.dtype}`;
    contenders.push({ name: title, run: whole });
    if (step) contenders.push({ name: `${title}, in a run`, run: step });
  }
  for (const [title, provider] of Object.entries(PROVIDERS)) {
    contenders.push(ortContender(title, example.graph, example.inputs, { output: "out0", provider }));
  }
  return compare({
    name: TITLES[name],
    kind: "step",
    flops: example.flops,
    contenders: contenders.filter((one) => options.without?.test(one.name) !== true),
    rounds: roundsOf(ROUNDS, options),
    errorOf: errorsFrom(example.outputs.out0!.data as Float32Array, name === "clip_text"),
    toleranceOf,
  });
}

const IMAGE = "image of 16 + 24 + 12 steps";

/** An image as the pipeline generates it; of a peer, the evaluations of its networks. */
async function measureImage(
  subjects: readonly Subject[],
  examples: ReadonlyMap<NetworkName, Example>,
  options: Options,
) {
  const { build } = subjects[0]!;
  const { DalleModelManager, BasicInference, openGpu } = await build.load("index.js");
  const gpu = await openGpu();
  const contenders: Contender[] = [];
  for (const { dtype } of subjects) {
    const manager = await DalleModelManager.create(undefined, { gpu, dtype });
    let seed = 1;
    contenders.push({
      name: `dalle2-webgpu ${dtype}`,
      run: async () => {
        // Another prompt each time, because encoded texts are kept.
        await new BasicInference(manager).run(`a red circle ${seed}`, { seed: seed++ });
        return Float32Array.of(0);
      },
      dispose: () => {
        manager.dispose();
      },
    });
  }
  for (const title of ["onnxruntime", "onnxruntime, CPU provider"]) {
    const networks = NAMES.map((name) => {
      // Its default layout gives a wrong result for U-Net 2.
      const provider = PROVIDERS[title === "onnxruntime" && name === "unet2" ? `${title}, NCHW` : title]!;
      const { graph, inputs } = examples.get(name)!;
      return [name, ortContender(name, graph, inputs, { output: "out0", provider })] as const;
    });
    contenders.push({
      name: title,
      run: async () => {
        for (const [name, one] of networks) {
          for (let i = 0; i < EVALUATIONS[name]; i++) await one.run();
        }
        return Float32Array.of(0);
      },
      dispose: async () => {
        for (const [, one] of networks) await one.dispose?.();
      },
    });
  }
  return compare({
    name: IMAGE,
    kind: "image",
    contenders: contenders.filter((one) => options.without?.test(one.name) !== true),
    rounds: roundsOf(IMAGE_ROUNDS, options),
    // Steps are checked by themselves.
    errorOf: () => 0,
    toleranceOf,
  });
}
