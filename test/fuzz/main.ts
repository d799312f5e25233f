// `npm run fuzz -- [TARGET…] [options]`: see README.md beside this file.
import { readFileSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import { bundleWorker } from "./runner/bundle.js";
import { Candidates } from "./runner/candidates.js";
import { LIMITS } from "./runner/job.js";
import { reproduce } from "./runner/reproduce.js";
import { runTarget, type Report } from "./runner/supervise.js";
import { formatTable } from "./runner/table.js";
import { inputOf, loadTarget, TARGET_NAMES } from "./targets/index.js";

const HELP = `npm run fuzz -- [TARGET…] [options]

Feeds the library what nobody should: ${TARGET_NAMES.join(", ")}.
An input is a function of target, seed and number.

  --runs N       inputs for each target
  --seconds N    seconds of the processor for each target (default 60 where --runs is not given)
  --seed S       default 1
  --jobs N       targets at a time (default 1)
  --only N       one input alone: says what becomes of it
  --file PATH    the same with a file as the input
  --out FOLDER   where inputs that failed are written (default output/fuzz)`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: "string" },
    seconds: { type: "string" },
    seed: { type: "string", default: "1" },
    jobs: { type: "string", default: "1" },
    only: { type: "string" },
    file: { type: "string" },
    out: { type: "string", default: "output/fuzz" },
    help: { type: "boolean" },
  },
});
const unknown = positionals.filter((name) => !TARGET_NAMES.includes(name));
if (values.help || unknown.length > 0) {
  if (unknown.length > 0) console.error(`There is no target ${unknown.join(", ")}.\n`);
  console.log(HELP);
  process.exit(values.help ? 0 : 2);
}
const seed = Number(values.seed);
const targets = positionals.length > 0 ? positionals : TARGET_NAMES;

await using bundle = await bundleWorker();
if (values.only !== undefined || values.file !== undefined) await runSingle(targets[0]!);
else await runAll();

/** Runs one input and prints its result. */
async function runSingle(name: string): Promise<void> {
  const target = await loadTarget(name);
  const input =
    values.file === undefined
      ? inputOf(target, name, seed, Number(values.only))
      : Uint8Array.from(readFileSync(values.file));
  const candidates = new Candidates(bundle.script, name, LIMITS);
  const { outcome, fault, milliseconds } = await candidates.verdict(input);
  candidates.close();
  console.log(`${input.length} bytes: ${outcome}, ${milliseconds.toFixed(1)} ms`);
  if (fault) console.log(`${fault.kind}: ${fault.detail}`);
  process.exitCode = fault ? 1 : 0;
}

async function runAll(): Promise<void> {
  const runs = values.runs === undefined ? undefined : Number(values.runs);
  const seconds = values.seconds === undefined ? (runs === undefined ? 60 : Infinity) : Number(values.seconds);
  const waiting = [...targets];
  const reports: Report[] = [];
  const work = async (): Promise<void> => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const report = await runTarget({ script: bundle.script, target: name, seed, runs: runs ?? Infinity, seconds });
      reports.push(report);
      console.log(`${name}: ${report.inputs} inputs, ${report.failed} failed`);
    }
  };
  await Promise.all(Array.from({ length: Number(values.jobs) }, work));
  reports.sort((a, b) => targets.indexOf(a.target) - targets.indexOf(b.target));
  for (const report of reports) await printFindings(report);
  console.log(`\n${formatTable(reports)}`);
  if (reports.some(({ findings }) => findings.length > 0)) process.exitCode = 1;
}

async function printFindings({ target, findings }: Report): Promise<void> {
  for (const finding of findings) {
    const options = { script: bundle.script, seed, folder: values.out };
    const { command, detail, file, bytes, isConfirmed } = await reproduce(options, target, finding);
    console.log(`\n${command}${isConfirmed ? "" : "   (not when run alone)"}\n  ${detail.replaceAll("\n", "\n  ")}`);
    console.log(`  ${bytes} bytes: npm run fuzz -- ${target} --file ${file}`);
  }
}
