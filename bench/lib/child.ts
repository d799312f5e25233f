import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { median } from "./measure.js";

/** Wall and processor time of a program from start to end, in seconds. */
export interface ChildTime {
  readonly wall: number;
  /** Processor time of all its threads. */
  readonly cpu: number;
}

/** Bash tells the processor time of a program that has ended; Node only its own. */
const TIMED = 'TIMEFORMAT="time %R %U %S"; time "$@"';

/** Runs a program to its end. Throws if it fails. */
export async function timeProgram(
  program: readonly string[],
  environment: Readonly<Record<string, string>>,
  cwd: string,
): Promise<ChildTime> {
  const env = { ...process.env, LC_ALL: "C", ...environment };
  const child = spawn("bash", ["-c", TIMED, "bash", ...program], { cwd, env, stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (said += chunk));
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject).on("close", resolve);
  });
  const [, wall, user, system] = /time ([\d.]+) ([\d.]+) ([\d.]+)\s*$/.exec(said) ?? [];
  if (status !== 0 || wall === undefined) throw new Error(`${program.join(" ")} failed:\n${said.slice(-1000)}`);
  return { wall: Number(wall), cpu: Number(user) + Number(system) };
}

/** A program, and the folder for what its driver keeps of compiled kernels. */
export interface Program {
  readonly name: string;
  readonly command: readonly string[];
}

export interface ProgramResult {
  readonly contender: string;
  readonly wall: number;
  readonly cpu: number;
  readonly rounds: number;
}

/**
 * Runs programs in turns. With `isCold`, each run starts with an empty cache of compiled kernels (Mesa's), otherwise with what an
 * earlier run of the same program left. They write images to a folder that is removed.
 */
export async function inTurns(
  programs: readonly Program[],
  { rounds, isCold }: { readonly rounds: number; readonly isCold: boolean },
): Promise<ProgramResult[]> {
  const folder = mkdtempSync(join(tmpdir(), "dalle2-bench-"));
  const times = programs.map((): ChildTime[] => []);
  try {
    const run = async (i: number, cache: string): Promise<ChildTime> =>
      timeProgram(programs[i]!.command, { MESA_SHADER_CACHE_DIR: join(folder, cache) }, folder);
    const order = [...programs.keys()];
    if (!isCold) for (const i of order) await run(i, `warm-${i}`);
    for (let round = 0; round < rounds; round++) {
      for (const i of round % 2 === 0 ? order : order.toReversed()) {
        times[i]!.push(await run(i, isCold ? `cold-${round}-${i}` : `warm-${i}`));
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return programs.map(({ name }, i) => ({
    contender: name,
    wall: median(times[i]!.map(({ wall }) => wall)),
    cpu: median(times[i]!.map(({ cpu }) => cpu)),
    rounds,
  }));
}
