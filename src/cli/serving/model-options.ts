// Options that say which models are served, and how they use the GPU: of `dalle2 serve` and `dalle2 worker`.
import { parse } from "node:path";
import { InvalidArgumentError, Option, type Command } from "commander";
import { isConfigName } from "../../pipeline/config-names.js";
import type { HostedModel } from "../../server/local/host-device.js";
import { MAX_BATCH_SIZE } from "../../server/local/model-host.js";
import { UsageError } from "../errors.js";
import { weightsOption } from "../generating/options.js";
import { folderOfModels, loadConfig, wholeNumber } from "../option-values.js";
import { byteCount } from "./limit-options.js";

/** The values of these options. */
export interface ServedModelFlags {
  readonly model?: readonly NamedConfig[];
  readonly priorFolder?: readonly NamedFolder[];
  readonly dtype?: HostedModel["dtype"];
  readonly weights?: HostedModel["weights"];
  readonly batchSize: number;
  readonly memoryLimit?: number;
}

/** A load config with the name that callers use. */
interface NamedConfig {
  readonly name: string;
  readonly config: string;
}

/** The folder of a prior, with the name of the model that it is for; undefined: of the only model. */
interface NamedFolder {
  readonly name: string | undefined;
  readonly folder: string;
}

const NAME = /^[A-Za-z0-9][\w.-]{0,63}$/;

/** Adds the options to a command. */
export function addServedModelOptions(command: Command): Command {
  return command
    .option(
      "--model <name=config>",
      "a model and the name that callers use: a name, path, URL or hub id of a load config, as for --model-config; can be repeated, the first is the default (default: shapes)",
      collectModels,
    )
    .option(
      "--prior-folder <name=folder>",
      "folder that a model's prior and CLIP are taken from: its path, its URL, or its id on the hub; the name may be left out for one model; can be repeated (default: the folder of models, or the one that belongs to its decoder)",
      collectFolders,
    )
    .addOption(new Option("--dtype <type>", "dtype of computation (default: auto)").choices(["auto", "f32", "f16"]))
    .addOption(weightsOption())
    .option("--batch-size <n>", "images that are generated together at most", wholeNumber, MAX_BATCH_SIZE)
    .option(
      "--memory-limit <size>",
      "GPU memory for models; idle ones are evicted (default: most of the adapter's)",
      byteCount,
    );
}

/** Splits "NAME=VALUE". Without a name, all is the value. */
function splitName(text: string): { readonly name: string | undefined; readonly value: string } {
  const [, name, value = text] = /^([^=/:\\]*)=(.+)$/.exec(text) ?? [];
  return { name, value };
}

function collectFolders(text: string, before: readonly NamedFolder[] = []): readonly NamedFolder[] {
  const { name, value } = splitName(text);
  return [...before, { name, folder: folderOfModels(value) }];
}

function collectModels(text: string, before: readonly NamedConfig[] = []): readonly NamedConfig[] {
  const { name, value } = splitName(text);
  const config = loadConfig(value);
  const model = { name: name ?? nameOf(config), config };
  if (!NAME.test(model.name)) {
    throw new InvalidArgumentError(
      `${JSON.stringify(model.name)} is not a name of a model: it has letters, digits and . _ -. Write NAME=CONFIG.`,
    );
  }
  return [...before, model];
}

/** The name of a load config without one: that of its file or folder. */
function nameOf(config: string): string {
  if (isConfigName(config)) return config;
  const path = URL.canParse(config) ? new URL(config).pathname : config;
  return parse(path.replace(/[/\\]+$/, "")).name;
}

/** The models of the flags. Throws `UsageError` if two have one name, or for a folder of a prior of no model, or of two for one. */
export function hostedModels({ model, priorFolder = [], dtype, weights }: ServedModelFlags): readonly HostedModel[] {
  const models = model ?? [{ name: "shapes", config: "shapes" }];
  const twice = models.find(({ name }, i) => models.findIndex((one) => one.name === name) !== i);
  if (twice) throw new UsageError(`Two models have the name ${twice.name}. Write NAME=CONFIG with different names.`);
  const priors = new Map<string, string>();
  for (const { name, folder } of priorFolder) {
    const of = modelOfPrior(models, name);
    if (priors.has(of)) throw new UsageError(`--prior-folder is given twice for the model ${of}: leave one out.`);
    priors.set(of, folder);
  }
  return models.map((one) => ({ ...one, prior: priors.get(one.name), dtype, weights }));
}

/** The name of the model that a folder of a prior is for. */
function modelOfPrior(models: readonly NamedConfig[], name: string | undefined): string {
  const names = models.map((one) => one.name);
  if (name === undefined && names.length === 1) return names[0]!;
  if (name !== undefined && names.includes(name)) return name;
  throw new UsageError(
    `--prior-folder must name one of the models ${names.join(", ")}${name === undefined ? "" : `, not ${name}`}. Write NAME=FOLDER.`,
  );
}
