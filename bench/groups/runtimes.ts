import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { Build } from "../lib/build.js";
import type { Options } from "../lib/options.js";
import type { ProgramResult } from "../lib/child.js";
import { circumstances, load, writeResult } from "../lib/results.js";
import { openSubject } from "../lib/subject.js";
import { comparePrograms, type ProgramsRow } from "./programs.js";

const ROUNDS = 3;
/** Steps of U-Net 1 in the long run; the default is 24. */
const LONG_STEPS = 124;
const SHORT_STEPS = 24;

const dream = (...more: string[]) => [
  "dream",
  "--prompt",
  "a red circle",
  "--seed",
  "1",
  ...more,
  "--output-path",
  "images",
];

const IMAGE = "image, from the start of the process";
const LONG = `the same with ${LONG_STEPS} steps of U-Net 1`;
const CASES: readonly (readonly [name: string, args: readonly string[]])[] = [
  [IMAGE, dream()],
  [LONG, dream("--steps", `${LONG_STEPS},12`)],
  ["8 images, from the start of the process", dream("--samples", "8")],
];

/** The same build under two implementations of WebGPU on the same driver: Dawn in Node, wgpu in Deno. */
export async function runRuntimes(options: Options): Promise<void> {
  const loadBefore = load();
  const build = new Build(".");
  const { adapter, table } = await openSubject(build, "f32");
  const deno = denoProgram();
  const rows: ProgramsRow[] = [];
  for (const [name, args] of CASES) {
    const programs = [
      { name: "Node, Dawn", command: [process.execPath, build.command, ...args] },
      { name: "Deno, wgpu", command: [deno, "run", "--allow-all", build.command, ...args] },
    ];
    rows.push(await comparePrograms(name, programs, { isCold: false, rounds: options.rounds ?? ROUNDS }));
    const all = [...rows, ...stepOf(rows)];
    const known = circumstances({ adapter, build, table, loadBefore });
    writeResult(options.out, { group: "runtimes", ...known, rows: all }, { merge: false });
  }
}

/** A step of U-Net 1: what the long run takes beyond the short one. */
function stepOf(rows: readonly ProgramsRow[]): ProgramsRow[] {
  const [short, long] = [IMAGE, LONG].map((wanted) => rows.find(({ name }) => name === wanted));
  if (!short || !long) return [];
  const steps = LONG_STEPS - SHORT_STEPS;
  const programs = long.programs.map(({ contender, wall, cpu, rounds }): ProgramResult => {
    const base = short.programs.find((one) => one.contender === contender)!;
    return { contender, wall: (wall - base.wall) / steps, cpu: (cpu - base.cpu) / steps, rounds };
  });
  return [{ name: "U-Net 1, step with guidance", kind: "programs", load: Math.max(short.load, long.load), programs }];
}

/** Deno's program, which npm installs in a package for each system. */
function denoProgram(): string {
  const folder = join("node_modules", "@deno");
  const names = existsSync(folder) ? readdirSync(folder) : [];
  const found = names.map((name) => join(folder, name, "deno")).find((file) => existsSync(file));
  if (found === undefined) throw new Error('Deno is not installed: run "npm ci".');
  return resolve(found);
}
