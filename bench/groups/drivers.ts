import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { Build } from "../lib/build.js";
import { medianOf, type Sample } from "../lib/measure.js";
import type { Options } from "../lib/options.js";
import { circumstances, load, writeResult } from "../lib/results.js";
import { openSubject } from "../lib/subject.js";
import type { AdapterDescription } from "../../src/gpu/adapter.js";
import { TITLES, type NetworkName } from "./steps.js";

/** Steps by two drivers, each in a process of its own. */
export interface DriversRow {
  readonly name: string;
  readonly kind: "drivers";
  readonly load: number;
  readonly drivers: readonly DriverTiming[];
}

export interface DriverTiming extends Sample {
  readonly driver: string;
  readonly table: string;
  /** Largest error relative to the largest value, against torch. */
  readonly error: number;
  readonly rounds: number;
}

/** What a worker says when its networks are loaded. */
export interface WorkerStart {
  readonly adapter: AdapterDescription;
  readonly table: string;
  readonly errors: Readonly<Record<string, number>>;
}

/** Networks that are compared, and the steps of a turn. */
export const WORKER_NETWORKS = ["unet1", "unet2"] as const satisfies readonly NetworkName[];
const ROUNDS = 15;

/** Steps of a sampling run by the driver of this system and by that of another one, whose command `--beside` gives, in turns. */
export async function runDrivers(options: Options): Promise<void> {
  const { onnx, beside, rounds = ROUNDS } = options;
  if (onnx === undefined) throw new Error("drivers needs --onnx: the folder that bench/python/export_onnx.py wrote.");
  const loadBefore = load();
  const build = new Build(".");
  const self = [process.execPath, process.argv[1]!, "worker", "--onnx", onnx];
  const other = [...beside.split(" "), "node", ...self.slice(1)];
  const workers = [await Worker.start(self), await Worker.start(other)];
  const rows: DriversRow[] = [];
  for (const name of WORKER_NETWORKS) rows.push(await compareDrivers(name, workers, rounds));
  for (const worker of workers) worker.stop();
  const { adapter, table } = await openSubject(build, "f32");
  writeResult(
    options.out,
    { group: "drivers", ...circumstances({ adapter, build, table, loadBefore }), rows },
    { merge: false },
  );
}

async function compareDrivers(name: NetworkName, workers: readonly Worker[], rounds: number): Promise<DriversRow> {
  const before = load();
  const samples = workers.map((): Sample[] => []);
  for (let round = 0; round < rounds; round++) {
    const order = [...workers.keys()];
    for (const i of round % 2 === 0 ? order : order.reverse()) samples[i]!.push(await workers[i]!.measure(name));
  }
  const drivers = workers.map(({ started: { adapter, table, errors } }, i) => ({
    driver: adapter.description || adapter.device,
    table,
    error: errors[name]!,
    ...medianOf(samples[i]!),
    rounds,
  }));
  const row: DriversRow = { name: TITLES[name], kind: "drivers", load: Math.max(before, load()), drivers };
  console.log(`\n${row.name}  (load ${row.load.toFixed(1)})`);
  for (const { driver, table, error, wall, cpu, workers: threads } of drivers) {
    const times = [wall, cpu, threads ?? cpu].map((seconds) => (seconds * 1000).toFixed(1).padStart(7));
    console.log(
      `  ${driver}, ${table}: wall ${times[0]}  cpu ${times[1]}  workers ${times[2]} ms  error ${error.toExponential(0)}`,
    );
  }
  return row;
}

/** A process that runs networks with the driver of its system. */
class Worker {
  private constructor(
    private readonly child: ChildProcess,
    private readonly lines: AsyncIterator<string>,
    readonly started: WorkerStart,
  ) {}

  static async start([program = "", ...args]: readonly string[]): Promise<Worker> {
    const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    return new Worker(child, lines, (await nextObject(lines, [program, ...args])) as WorkerStart);
  }

  async measure(name: NetworkName): Promise<Sample> {
    this.child.stdin!.write(`${name}\n`);
    return (await nextObject(this.lines, this.child.spawnargs)) as Sample;
  }

  stop(): void {
    this.child.stdin!.end();
  }
}

/** Returns the next line that is JSON: the command that enters another system may say something, too. */
async function nextObject(lines: AsyncIterator<string>, command: readonly string[]): Promise<unknown> {
  for (;;) {
    const line = await lines.next();
    if (line.done === true) throw new Error(`${command.join(" ")} ended.`);
    if (line.value.startsWith("{")) return JSON.parse(line.value);
  }
}
