import { dirname } from "node:path";
import { Option, type Command } from "commander";
import { counted } from "../platform/counted.js";
import { openSource } from "../files/open.js";
import { convertFolder } from "../models/convert-folder.js";
import { convertCheckpoint, type ConvertOptions } from "../models/convert.js";
import { openCheckpoint } from "../models/open-checkpoint.js";
import { writeFileAtomic } from "../platform/node.js";
import { tryFolder } from "../platform/node-temporary-files.js";
import { excerpt } from "../platform/printable.js";
import { unsupportedTensors } from "../weights/convert.js";
import type { WeightsChoice } from "../weights/tree/choose-model.js";
import { UsageError } from "./errors.js";
import { ProgressReport } from "./generating/progress.js";
import { interruptSignal } from "./interrupt.js";
import { isModelFolder, openFolderAt } from "./open-folder.js";
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
    .description(
      "convert a checkpoint to one safetensors file that holds model, version, dialect and config; or a folder of models to one with safetensors",
    )
    .argument(
      "<in>",
      "path or URL: .safetensors, .pth, .pt, .ckpt, .bin, or the .index.json of a sharded checkpoint; or a folder of models, or the id of one on the Hugging Face hub (org/name)",
    )
    .argument("<out>", "the .safetensors file, or the folder, to write")
    .addOption(
      new Option("--dtype <type>", "dtype of the weights of matrices and convolutions (default: as stored)").choices([
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
  const signal = interruptSignal();
  if (await isModelFolder(input, { signal })) {
    if (weights ?? key ?? sparseRows[0]) {
      throw new UsageError("--weights, --key and --sparse-rows choose in one file, not in a folder.");
    }
    await convertFolderAt(input, output, { dtype, signal });
    return;
  }
  if (!output.endsWith(".safetensors")) {
    throw new UsageError(`${output}: the name of the output file must end in .safetensors.`);
  }
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

async function convertFolderAt(
  input: string,
  output: string,
  { dtype, signal }: { readonly dtype: Options["dtype"] | undefined; readonly signal: AbortSignal },
): Promise<void> {
  if (output.endsWith(".safetensors")) {
    throw new UsageError(`${output}: a folder is converted to a folder, not to a file.`);
  }
  tryFolder(output);
  const progress = new ProgressReport(false);
  const folder = await openFolderAt(input, {
    signal,
    onWarning: progress.warn,
    onProgress: (loaded) => {
      progress.load(loaded);
    },
  });
  try {
    const converted = await convertFolder(folder, output, {
      ...(dtype && { dtype }),
      signal,
      onLeftOut: (component, tensor, reason) => {
        progress.warn(`Warning: tensor ${excerpt(tensor)} of ${component} is left out: ${reason}`);
      },
    });
    progress.clear();
    const tensors = converted.reduce((sum, one) => sum + one.tensors, 0);
    print(`${output}: ${counted(converted.length, "component")}, ${counted(tensors, "tensor")}`);
  } finally {
    await folder.close();
  }
}
