import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Random } from "../random.js";
import { inputOf, loadTarget } from "../targets/index.js";
import { Candidates } from "./candidates.js";
import { LIMITS, type Fault, type Finding, type Limits } from "./job.js";
import { minimiseBytes } from "./minimise.js";

/** How to reproduce a failure: a command line and files. */
export interface Reproduction {
  readonly command: string;
  readonly detail: string;
  /** The minimised input and its bytes. */
  readonly file: string;
  readonly bytes: number;
  /** False if the input alone, in a new process, does not fail. */
  readonly isConfirmed: boolean;
}

/** Time limit for minimising an input, in milliseconds. */
const PATIENCE = 20_000;
/** Kinds whose place in the program means nothing. */
const ANYWHERE: readonly Fault["kind"][] = ["slow", "hang", "memory", "crash"];
/** A shorter wait for a hang than when it was found. */
const SHORT: Limits = { ...LIMITS, hang: 1500 };

/** Minimises the input of a finding as long as it still fails in the same way. Writes both to `folder`. */
export async function reproduce(
  { script, seed, folder }: { readonly script: string; readonly seed: number; readonly folder: string },
  targetName: string,
  { number, fault }: Finding,
): Promise<Reproduction> {
  const target = await loadTarget(targetName);
  const input = inputOf(target, targetName, seed, number);
  const candidates = new Candidates(script, targetName, SHORT);
  const deadline = performance.now() + PATIENCE;
  const fails = async (candidate: Uint8Array): Promise<boolean> =>
    performance.now() < deadline && isSame(fault, (await candidates.verdict(candidate)).fault);
  try {
    const isConfirmed = await fails(input);
    const isSeed = number < target.seeds.length;
    const minimise = () =>
      isSeed ? minimiseBytes(input, fails) : target.inputs.minimise(new Random(targetName, seed, number), fails);
    const small = isConfirmed ? await minimise() : input;
    const name = `${targetName}-${seed}-${number}`;
    const file = join(folder, `${name}.min.bin`);
    const command = `npm run fuzz -- ${targetName} --seed ${seed} --only ${number}`;
    const detail = `${fault.kind}: ${fault.detail}`;
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, `${name}.bin`), input);
    await writeFile(file, small);
    await writeFile(join(folder, `${name}.txt`), `${command}\n${detail}\n`);
    return { command, detail, file, bytes: small.length, isConfirmed };
  } finally {
    candidates.close();
  }
}

function isSame(fault: Fault, other: Fault | undefined): boolean {
  if (!other) return false;
  if ([fault, other].every(({ kind }) => kind === "hang" || kind === "slow")) return true;
  return fault.kind === other.kind && (ANYWHERE.includes(fault.kind) || fault.signature === other.signature);
}
