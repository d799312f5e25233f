import { dirname } from "node:path";
import { Option, type Command } from "commander";
import { counted } from "../platform/counted.js";
import { openSource } from "../files/open.js";
import { convertCheckpoint, type ConvertOptions } from "../models/convert.js";
import { openCheckpoint } from "../models/open-checkpoint.js";
import { writeFileAtomic } from "../platform/node.js";
import { tryFolder } from "../platform/node-aside.js";
import { excerpt } from "../platform/printable.js";
import { unsupportedTensors } from "../weights/convert.js";
import type { WeightsChoice } from "../weights/tree/choose-model.js";
import { UsageError } from "./errors.js";
import { interruptSignal } from "./interrupt.js";
import { filledText } from "./option-values.js";
import { print, say } from "./output.js";

interface Options {
  readonly dtype?: NonNullable<ConvertOptions["dtype"]>;
  readonly weights?: WeightsChoice;
  readonly key?: string;
  readonly sparseRows: readonly string[];
}

export function register(program: Command): void {
  program
    .command("convert")
    .description("write a checkpoint's model, version, dialect and config as one safetensors file")
    .argument("<in>", "a path or URL: .safetensors, .pth, .pt, .ckpt, .bin, or the .index.json of shards")
    .argument("<out>", "the .safetensors file to write")
    .addOption(new Option("--dtype <type>", "type of matrices and kernels; default as stored").choices(["f16", "f32"]))
    .addOption(
      new Option("--weights <which>", "which weights to take, where a file has both").choices(["online", "ema"]),
    )
    .option(
      "--key <key>",
      "where in the file the model is, such as state_dict.model; default: found by its names",
      filledText,
    )
    .option("--sparse-rows <name>", "store this table by the rows that are not zero; may be repeated", append, [])
    .action(convert);
}

const append = (name: string, names: readonly string[]): readonly string[] => [...names, name];

async function convert(input: string, output: string, { dtype, weights, key, sparseRows }: Options): Promise<void> {
  if (!output.endsWith(".safetensors")) {
    throw new UsageError(
      `${output}: the file to write is a safetensors file; give it a name that ends in .safetensors.`,
    );
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
    say(`warning: tensor ${excerpt(name)} is left out: ${unsupported?.problem}`);
  print(`${output}: ${counted(tensors.size + clip.size - leftOut.length, "tensor")}`);
}
