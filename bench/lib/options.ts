import { parseArgs } from "node:util";

export interface Options {
  readonly group: string;
  /** See `chooseDriver`; undefined for WebGPU's choice. */
  readonly adapter: string | undefined;
  /** Folder of an older checkout, built. */
  readonly against: string | undefined;
  /** Names of rows to measure. */
  readonly only: RegExp | undefined;
  /** Names of contenders to leave out. */
  readonly without: RegExp | undefined;
  readonly rounds: number | undefined;
  /** Seconds for the rounds of a row. */
  readonly budget: number | undefined;
  /** Folder with what `python/export_onnx.py` wrote. */
  readonly onnx: string | undefined;
  /** What a command begins with that runs in a system with another driver. */
  readonly beside: string;
  readonly out: string;
}

export const HELP = `npm run bench -- GROUP [options]

Groups:
  ops        operations, with onnxruntime, TensorFlow.js and jax-js, in turns
  steps      steps of the Shapes model and an image, with onnxruntime (needs --onnx)
  start      an image and the demo's 12 images from the start of the process, with --against
  scaling    processor time by batch size, prompts, pixels, steps and tokens
  runtimes   a step and an image under Deno (wgpu) and Node (Dawn)
  drivers    steps by this driver and by another one, in turns (needs --onnx)
  server     an image by a request to dalle2 serve, beside the library alone, in turns (Linux)
  machine    dalle2 bench, kept in docs/speed.json for those who run it elsewhere
  report     writes RESULTS.md and docs/speed.svg from the results

Options:
  --adapter NAME     lavapipe, swiftshader, or the path of a Vulkan manifest (default: WebGPU's choice)
  --against FOLDER   an older checkout of this repository, built
  --only REGEX       only rows with such a name; other rows of the same commit are kept
  --without REGEX    leave these contenders out
  --rounds N         rounds of each row
  --budget SECONDS   seconds for the rounds of each row
  --onnx FOLDER      what bench/python/export_onnx.py wrote
  --beside COMMAND   what enters the system with the other driver (default: node scripts/mesa26.js, Mesa 26)
  --out FOLDER       folder for results (default: bench/results)`;

export function readOptions(args: readonly string[]): Options {
  const text = { type: "string" } as const;
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      adapter: text,
      against: text,
      only: text,
      without: text,
      rounds: text,
      budget: text,
      onnx: text,
      beside: text,
      out: text,
      help: { type: "boolean", short: "h" },
    },
  });
  const number = (given: string | undefined): number | undefined => {
    if (given === undefined) return undefined;
    if (!(Number(given) > 0)) throw new Error(`"${given}" is not a number above 0.`);
    return Number(given);
  };
  const pattern = (given: string | undefined) => (given === undefined ? undefined : new RegExp(given, "i"));
  return {
    group: values.help === true ? "help" : (positionals[0] ?? "help"),
    adapter: values.adapter,
    against: values.against,
    only: pattern(values.only),
    without: pattern(values.without),
    rounds: number(values.rounds),
    budget: number(values.budget),
    onnx: values.onnx,
    beside: values.beside ?? "node scripts/mesa26.js",
    out: values.out ?? "bench/results",
  };
}
