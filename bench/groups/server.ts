import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { Build } from "../lib/build.js";
import { median } from "../lib/measure.js";
import type { Options } from "../lib/options.js";
import { circumstances, load, writeResult } from "../lib/results.js";

const ROUNDS = 12;
/** Images of a turn, one after another: the system counts processor time in hundredths of a second. */
const IMAGES = 4;

/** What an image costs from the library, and from a server, in seconds of processor time. */
export interface ServerRow {
  readonly name: string;
  readonly kind: "server";
  readonly library: number;
  readonly server: number;
  /** Median of the differences of turns that followed each other. */
  readonly overhead: number;
  readonly rounds: number;
}

/** Few steps, so that the part that is not the model's is not lost in the noise of what is. */
const CASES = [
  { name: "2 steps of each network", steps: 2 },
  { name: "the model's own steps", steps: undefined },
] as const;

type Generate = (seed: number) => Promise<unknown>;

/** The same images, from the library in this process and by requests to `dalle2 serve`, in turns. */
export async function runServer(options: Options): Promise<void> {
  const loadBefore = load();
  const build = new Build(".");
  const { DalleModelManager, BasicInference, openGpu, encodeImage } = await build.load("index.js");
  const gpu = await openGpu();
  const script = new BasicInference(await DalleModelManager.create(undefined, { gpu }));
  const server = await startServer();
  const rows: ServerRow[] = [];
  try {
    for (const { name, steps } of CASES) {
      if (options.only && !options.only.test(name)) continue;
      const fromLibrary: Generate = async (seed) => {
        const images = await script.run([PROMPT], { seeds: [seed], priorSteps: steps, decoderSteps: steps });
        await encodeImage(images.get(0)!.get(0)![0]!);
      };
      const fromServer: Generate = (seed) => askServer(server.url, seed, steps);
      const turns = await inTurns(fromLibrary, fromServer, server.child.pid!, options.rounds ?? ROUNDS);
      rows.push({ name, kind: "server", ...turns });
      const { adapter, tuning } = gpu;
      const known = circumstances({ adapter, build, table: tuning.id, loadBefore });
      writeResult(options.out, { group: "server", ...known, rows }, { merge: options.only !== undefined });
    }
  } finally {
    server.child.kill();
  }
}

const PROMPT = "a red circle";

async function startServer(): Promise<{ readonly url: string; readonly child: ChildProcess }> {
  const environment = { ...process.env, DALLE2_KEYS: "/nonexistent/keys.json" };
  const child = spawn(process.execPath, ["dist/cli/main.js", "serve", "--port", "0"], {
    stdio: ["ignore", "pipe", "ignore"],
    env: environment,
  });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return { url: line.toString().trim(), child };
}

async function askServer(url: string, seed: number, steps: number | undefined): Promise<void> {
  const extension = steps === undefined ? { seed } : { seed, steps, priorSteps: steps };
  const response = await fetch(`${url}/v1/images/generations`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ prompt: PROMPT, response_format: "b64_json", dalle2: extension }),
  });
  if (!response.ok) throw new Error(`The server answered ${response.status}: ${await response.text()}`);
  await response.arrayBuffer();
}

async function inTurns(library: Generate, server: Generate, pid: number, rounds: number) {
  const turn = async (generate: Generate, of: number, round: number): Promise<number> => {
    const before = processorSeconds(of);
    for (let i = 0; i < IMAGES; i++) await generate(round * IMAGES + i);
    return (processorSeconds(of) - before) / IMAGES;
  };
  const ofLibrary = (round: number): Promise<number> => turn(library, process.pid, round);
  const ofServer = (round: number): Promise<number> => turn(server, pid, round);
  // The first compiles kernels and opens the model.
  await ofLibrary(0);
  await ofServer(0);
  const pairs: { readonly library: number; readonly server: number }[] = [];
  for (let round = 1; round <= rounds; round++) {
    const isLibraryFirst = round % 2 === 0;
    const first = isLibraryFirst ? await ofLibrary(round) : await ofServer(round);
    const second = isLibraryFirst ? await ofServer(round) : await ofLibrary(round);
    pairs.push(isLibraryFirst ? { library: first, server: second } : { library: second, server: first });
  }
  return {
    library: median(pairs.map((pair) => pair.library)),
    server: median(pairs.map((pair) => pair.server)),
    overhead: median(pairs.map((pair) => pair.server - pair.library)),
    rounds,
  };
}

/** Linux counts in hundredths of a second, whatever the kernel's own clock (USER_HZ). */
const TICKS = 100;

/** Processor time of a process with all its threads, also those that have ended: fields 14 and 15 of proc(5). */
function processorSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}
