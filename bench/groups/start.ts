import { Build } from "../lib/build.js";
import type { Options } from "../lib/options.js";
import { circumstances, load, writeResult } from "../lib/results.js";
import { openSubject } from "../lib/subject.js";
import { comparePrograms, type ProgramsRow } from "./programs.js";

const DREAM = ["dream", "--prompt", "a red circle", "--seed", "1", "--output-path", "images"];
const DEMO = ["demo", "--output-path", "images"];

const CASES = [
  { name: "image, from the start of the process, kernels not yet compiled", args: DREAM, isCold: true, rounds: 3 },
  {
    name: "image, from the start of the process, kernels in the driver's cache",
    args: DREAM,
    isCold: false,
    rounds: 3,
  },
  { name: "demo of 12 prompts, kernels in the driver's cache", args: DEMO, isCold: false, rounds: 2 },
] as const;

/** What a user waits for, with the newest build and an older one. */
export async function runStart(options: Options): Promise<void> {
  const loadBefore = load();
  const build = new Build(".");
  const against = options.against === undefined ? undefined : new Build(options.against);
  const { adapter, table } = await openSubject(build, "f32");
  const builds = [build, ...(against ? [against] : [])];
  const rows: ProgramsRow[] = [];
  for (const { name, args, isCold, rounds } of CASES) {
    if (options.only && !options.only.test(name)) continue;
    const programs = builds.map((one) => ({
      name: one === build ? "dalle2-webgpu" : `dalle2-webgpu ${one.commit}`,
      command: [process.execPath, one.command, ...args],
    }));
    rows.push(await comparePrograms(name, programs, { isCold, rounds: options.rounds ?? rounds }));
    const known = circumstances({ adapter, build, against, table, loadBefore });
    writeResult(options.out, { group: "start", ...known, rows }, { merge: options.only !== undefined });
  }
}
