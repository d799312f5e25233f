import type { ComputeType } from "../../src/tensor/dtype.js";
import { Build } from "../lib/build.js";
import { toNchw, toNhwc } from "../lib/host-data.js";
import { quietly, type Contender } from "../lib/measure.js";
import type { Options } from "../lib/options.js";
import { circumstances, load, writeResult } from "../lib/results.js";
import { openSubject, type Subject } from "../lib/subject.js";
import { OPERATIONS } from "../operations/all.js";
import type { Operation } from "../operations/operation.js";
import { encodeModel } from "../peers/onnx-model.js";
import { jaxContender, openJax, type Jax } from "../peers/jax.js";
import { ortContender } from "../peers/onnxruntime.js";
import { checkPeers, versionOf } from "../peers/packages.js";
import { openTensorFlow, tensorFlowContender, type TensorFlow } from "../peers/tensorflow.js";
import { installWebGpuGlobals } from "../peers/web-gpu-globals.js";
import { compare, relativeError, type ComparedRow } from "./compare.js";
import { peaksOf, type PeakRow } from "./peaks.js";

const ROUNDS = { rounds: 7, minRounds: 3, budget: 6 };
/** Places of a result that are compared with float64. */
const PLACES = 512;
/** f32 sums of some thousand terms have errors of a few 1e-6. f16 rounds inputs of sums, and each result, by up to 2^-11. */
const TOLERANCE = { f32: 5e-5, f16: 5e-3 } as const;

interface Peers {
  readonly tf: TensorFlow | undefined;
  readonly jax: Jax | undefined;
}

export async function runOps(options: Options): Promise<void> {
  checkPeers();
  const loadBefore = load();
  const build = new Build(".");
  const against = options.against === undefined ? undefined : new Build(options.against);
  const subjects = await openSubjects(build, against);
  const { adapter, table } = subjects[0]!.subject;
  console.log(`${adapter.description || adapter.device}, table ${table ?? "none"}`);
  installWebGpuGlobals();
  const peers = { tf: await openOr("TensorFlow.js", openTensorFlow), jax: await openOr("jax-js", openJax) };
  const rows: (ComparedRow | PeakRow)[] = options.only ? [] : await peaksOf(build);
  for (const make of OPERATIONS) {
    const operation = make();
    if (options.only && !options.only.test(operation.name)) continue;
    rows.push(await measure(operation, subjects, peers, options));
    const versions = {
      onnxruntime: versionOf("onnxruntime-node"),
      "TensorFlow.js": versionOf("@tensorflow/tfjs-core"),
      "jax-js": versionOf("@jax-js/jax"),
    };
    // After each row, so that an interrupted run leaves something.
    const known = circumstances({ adapter, build, against, table, versions, loadBefore });
    writeResult(options.out, { group: "ops", ...known, rows }, { merge: options.only !== undefined });
  }
}

/** A build in a dtype, under the name that results have. */
interface Named {
  readonly name: string;
  readonly subject: Subject;
}

async function openSubjects(build: Build, against: Build | undefined): Promise<Named[]> {
  const named: Named[] = [{ name: "dalle2-webgpu f32", subject: await openSubject(build, "f32") }];
  if (named[0]!.subject.features.f16) {
    named.push({ name: "dalle2-webgpu f16", subject: await openSubject(build, "f16") });
  }
  if (against) named.push({ name: `dalle2-webgpu ${against.commit} f32`, subject: await openSubject(against, "f32") });
  return named;
}

async function openOr<Library>(name: string, open: () => Promise<Library>): Promise<Library | undefined> {
  try {
    return await open();
  } catch (error) {
    console.log(`${name} does not run here: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

async function measure(operation: Operation, subjects: readonly Named[], { tf, jax }: Peers, options: Options) {
  const { name, kind, flops, bytes, output, isNchw = false } = operation;
  const ours = await Promise.all(subjects.map((named) => contenderOf(named, operation)));
  const contenders = [
    ...ours,
    ...ortContenders(operation),
    tf && tensorFlowContender(tf, operation),
    jax && jaxContender(jax, operation),
  ].filter((one) => one !== undefined && options.without?.test(one.name) !== true) as Contender[];
  const places = placesIn(output.reduce((product, axis) => product * axis, 1));
  const expected = operation.expected(places);
  const nchw = [output[0]!, output.at(-1)!, ...output.slice(1, -1)];
  return compare({
    name,
    kind,
    flops,
    bytes,
    contenders,
    rounds: { ...ROUNDS, ...defined({ rounds: options.rounds, budget: options.budget }) },
    errorOf: (contender, data) => {
      const isTurned = isNchw && /onnxruntime|jax/.test(contender);
      const values = isTurned ? toNhwc({ data, shape: nchw }).data : data;
      return relativeError(
        places.map((place) => values[place]!),
        expected,
      );
    },
    toleranceOf: (contender) => TOLERANCE[dtypeOf(contender)],
  });
}

const dtypeOf = (contender: string): ComputeType => (contender.endsWith("f16") ? "f16" : "f32");

/** The entries that are given, so that they can replace defaults. */
function defined<Value extends object>(value: Value): { [Key in keyof Value]?: NonNullable<Value[Key]> } {
  const entries = Object.entries(value).filter(([, one]) => one !== undefined);
  return Object.fromEntries(entries) as { [Key in keyof Value]?: NonNullable<Value[Key]> };
}

async function contenderOf({ name, subject }: Named, operation: Operation): Promise<Contender> {
  const { body, store } = await operation.ours(subject);
  const contender = {
    name,
    run: () => subject.run(operation.inputs, body),
    dispose: () => {
      store?.[Symbol.dispose]();
    },
  };
  // The newest build waits as it does for users; older ones get what they lack.
  return name.split(" ").length > 2 ? quietly(contender) : contender;
}

function ortContenders({ onnx, inputs, kind, isNchw = false }: Operation): Contender[] {
  const given = isNchw ? inputs.map(toNchw) : inputs;
  const contenders: Contender[] = [];
  for (const [name, model] of Object.entries(onnx)) {
    const bytes = encodeModel(model);
    const feeds = Object.fromEntries(Object.keys(model.inputs).map((key, i) => [key, given[i]!]));
    contenders.push(ortContender(name, bytes, feeds));
    if (kind.startsWith("conv")) {
      contenders.push(ortContender(`${name}, NCHW`, bytes, feeds, { provider: "webgpu nchw" }));
    }
  }
  const [first] = Object.values(onnx);
  const feeds = Object.fromEntries(Object.keys(first!.inputs).map((key, i) => [key, given[i]!]));
  contenders.push(ortContender("onnxruntime, CPU provider", encodeModel(first!), feeds, { provider: "cpu" }));
  return contenders;
}

/** Places spread over a result, the same in each run: a step that has no factor in common with most sizes. */
function placesIn(size: number): number[] {
  const step = Math.max(1, Math.floor(size / PLACES) - 1) | 1;
  return Array.from({ length: Math.min(size, PLACES) }, (_, i) => (i * step) % size);
}
