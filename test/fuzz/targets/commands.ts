// Commands that print the content of a file, run as from the command line.
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { Command } from "commander";
import { readPrompts } from "../../../src/cli/asking/prompts.js";
import { recordToRepeat, repeated } from "../../../src/cli/generating/repeat.js";
import { register as registerInspect } from "../../../src/cli/inspect.js";
import { register as registerShow } from "../../../src/cli/show.js";
import { corpus } from "../corpus.js";
import { made, mixed } from "../inputs.js";
import { latin1, mutateBytes, utf8 } from "../mutators/bytes.js";
import { fromPlain, mutateJson, mutateJsonText, printJson, randomName } from "../mutators/json.js";
import { randomPickle } from "../mutators/pickle-writer.js";
import { randomText } from "../mutators/text.js";
import { STEERING } from "../runner/examine.js";
import { promise, type Target } from "../target.js";
import { CHECKPOINT_REFUSALS } from "./checkpoint.js";
import { pngWithText } from "./images.js";
import { safetensorsFiles, safetensorsInputs } from "./safetensors.js";
import { archiveOf } from "./torch.js";

/** Writes all inputs to the same file. */
function inputFile(name: string): (bytes: Uint8Array) => string {
  const path = join(mkdtempSync(join(tmpdir(), "dalle2-fuzz-input-")), name);
  return (bytes) => {
    writeFileSync(path, bytes);
    return path;
  };
}

/** Runs a command and returns its output. */
async function printed(register: (program: Command) => void, args: readonly string[]): Promise<string> {
  const program = new Command().exitOverride();
  register(program);
  const lines: string[] = [];
  const { log } = console;
  console.log = (line: string) => lines.push(line);
  try {
    await program.parseAsync(args, { from: "user" });
  } finally {
    console.log = log;
    process.exitCode = 0;
  }
  return lines.join("\n");
}

function checkPrinted(text: string): void {
  const found = STEERING.exec(text);
  promise(!found, `prints the control character ${JSON.stringify(found?.[0])}`);
}

const RECORD = {
  software: "dalle2-webgpu 0.1.0",
  seed: 1,
  parameters: {
    script: "BasicInference",
    text: "a",
    priorCondScale: 1,
    priorSteps: 2,
    decoderCondScale: [1, 1],
    decoderSteps: [2, 1],
  },
  inputs: { prompt: "a", n: 1 },
  model: { config: "c.json", files: [{ name: "a", bytes: 1, fingerprint: "abc" }] },
  adapter: "a",
  dtype: "f32",
  weights: "full",
  tuning: "default",
};

/** The record in an image: shown, and repeated. */
export function show(): Target {
  const write = inputFile("image.png");
  const record = fromPlain(RECORD);
  const inputs = mixed(
    [5, made((random) => pngWithText("dalle2", printJson(mutateJson(record, random))))],
    [1, made((random) => pngWithText("dalle2", mutateJsonText(printJson(record), random)))],
    [1, made((random) => pngWithText(randomName(random), randomText(random)))],
  );
  const run = async (bytes: Uint8Array): Promise<void> => {
    const path = write(bytes);
    checkPrinted(await printed(registerShow, ["show", path]));
    JSON.parse(await printed(registerShow, ["show", "--json", path]));
    const { modelConfig = "" } = repeated(await recordToRepeat(path)).flags;
    promise(!/^https?:/i.test(modelConfig), "takes a URL from an image");
  };
  return {
    seeds: [pngWithText("dalle2", JSON.stringify(RECORD)), ...corpus("show")],
    inputs,
    refusals: ["FileError", "UsageError"],
    run,
  };
}

/** The output of `inspect` for a checkpoint with any names. */
export function inspect(): Target {
  const write = inputFile("checkpoint");
  const files = safetensorsFiles();
  const inputs = mixed([3, safetensorsInputs(files)], [2, made((random) => archiveOf(randomPickle(random)))]);
  const run = async (bytes: Uint8Array): Promise<void> => {
    const path = write(bytes);
    checkPrinted(await printed(registerInspect, ["inspect", path]));
    JSON.parse(await printed(registerInspect, ["inspect", "--json", path]));
  };
  return { seeds: files, inputs, refusals: CHECKPOINT_REFUSALS, run };
}

/** Files of prompts, as lines or as JSON. */
export function prompts(): Target {
  const writeText = inputFile("prompts.txt");
  const writeJson = inputFile("prompts.json");
  const list = fromPlain(["a red circle", "a blue square", "é"]);
  const lines = utf8("\ufeffa red circle\r\n\r\na blue square\n# é\n");
  const inputs = mixed(
    [3, made((random) => utf8(printJson(mutateJson(list, random))))],
    [1, made((random) => utf8(mutateJsonText(printJson(list), random)))],
    [
      2,
      made((random) =>
        utf8(random.list(random.below(5), () => randomText(random)).join(random.pick(["\n", "\r\n", "\r"]))),
      ),
    ],
    [1, made((random) => mutateBytes(lines, random, [lines, latin1("\xff\xfea\0b\0")]))],
  );
  const run = async (bytes: Uint8Array): Promise<void> => {
    const isJson = /^\s*\[/.test(Buffer.from(bytes).toString("latin1"));
    const read = await readPrompts(isJson ? writeJson(bytes) : writeText(bytes));
    promise(read.length > 0 && read.every((prompt) => prompt.trim() !== ""), "gives an empty prompt");
    promise(read.every((prompt) => !/[\r\n]/.test(prompt)) || isJson, "gives two lines as one prompt");
  };
  return { seeds: [lines, ...corpus("prompts")], inputs, refusals: ["ConfigError", "FileError", "UsageError"], run };
}
