import { dirname } from "node:path";
import { Option, type Command } from "commander";
import { counted } from "../platform/counted.js";
import { openSource } from "../files/open.js";
import { convertCheckpoint, type ConvertOptions } from "../models/convert.js";
import { openCheckpoint } from "../models/open-checkpoint.js";
import { writeFileAtomic } from "../platform/node.js";
import { tryFolder } from "../platform/node-temporary-files.js";
import { excerpt } from "../platform/printable.js";
import { unsupportedTensors } from "../weights/convert.js";
import type { WeightsChoice } from "../weights/tree/choose-model.js";
import { UsageError } from "./errors.js";
import { interruptSignal } from "./interrupt.js";
import { nonEmptyText } from "./option-values.js";
import { print, say } from "./output.js";

interface Options {
  readonly dtype?: NonNullable<ConvertOptions["dtype"]>;
  readonly weights?: WeightsChoice;
  readonly key?: string;
  readonly sparseRows?: readonly string[];
}

export function register(program: Command): void {
  program
    .command("convert")
    .description("convert a checkpoint to one safetensors file that holds model, version, dialect and config")
    .argument("<in>", "path or URL: .safetensors, .pth, .pt, .ckpt, .bin, or the .index.json of a sharded checkpoint")
    .argument("<out>", "the .safetensors file to write")
    .addOption(
      new Option("--dtype <type>", "dtype of matrices and convolution kernels (default: as stored)").choices([
        "f16",
        "f32",
      ]),
    )
    .addOption(new Option("--weights <which>", "which weights to use if the file has both").choices(["online", "ema"]))
    .option(
      "--key <key>",
      "where in the file the model is, such as state_dict.model (default: found by tensor names)",
      nonEmptyText,
    )
    .option("--sparse-rows <name>", "store only the nonzero rows of this table; can be repeated", append)
    .action(convert);
}

const append = (name: string, names: readonly string[] = []): readonly string[] => [...names, name];

async function convert(
  input: string,
  output: string,
  { dtype, weights, key, sparseRows = [] }: Options,
): Promise<void> {
  if (!output.endsWith(".safetensors")) {
    throw new UsageError(`${output}: the name of the output file must end in .safetensors.`);
  }
  const signal = interruptSignal();
  tryFolder(dirname(output));
  const checkpoint = await openCheckpoint(await openSource(input, { signal }), { weights, stateDictKey: key, signal });
  try {
    await writeFileAtomic(output, convertCheckpoint(checkpoint, { ...(dtype && { dtype }), sparseRows, signal }));
  } finally {
    await checkpoint.close();
  }
  const { tensors, clip } = checkpoint;
  const leftOut = unsupportedTensors(checkpoint);
  for (const { name, unsupported } of leftOut)
    say(`Warning: tensor ${excerpt(name)} is left out: ${unsupported?.problem}`);
  print(`${output}: ${counted(tensors.size + clip.size - leftOut.length, "tensor")}`);
}
