import { createInterface } from "node:readline";
import { Build } from "../lib/build.js";
import { sample } from "../lib/measure.js";
import type { Options } from "../lib/options.js";
import { openSubject } from "../lib/subject.js";
import { readExample } from "../peers/onnxruntime.js";
import { relativeError } from "./compare.js";
import { WORKER_NETWORKS, type WorkerStart } from "./drivers.js";
import { LOADERS } from "./steps.js";

/** Steps of a turn. */
const STEPS = 5;

/** The other end of `drivers`: says what it runs on, then measures the network that each line of its input names. */
export async function runWorker({ onnx = "" }: Options): Promise<void> {
  const subject = await openSubject(new Build("."), "f32");
  const steps = new Map<string, () => Promise<unknown>>();
  const errors: Record<string, number> = {};
  for (const name of WORKER_NETWORKS) {
    const example = readExample(onnx, name);
    const { step, whole } = await LOADERS[name](subject, example);
    const run = step ?? whole;
    errors[name] = relativeError(await run(), example.outputs.out0!.data as Float32Array);
    await run();
    steps.set(name, async () => {
      for (let i = 0; i < STEPS; i++) await run();
    });
  }
  const started: WorkerStart = { adapter: subject.adapter, table: subject.table ?? "none", errors };
  console.log(JSON.stringify(started));
  for await (const line of createInterface({ input: process.stdin })) {
    const { wall, cpu, workers } = await sample(steps.get(line)!);
    console.log(
      JSON.stringify({ wall: wall / STEPS, cpu: cpu / STEPS, workers: workers === null ? null : workers / STEPS }),
    );
  }
}
