import { adapterName } from "../../gpu/adapter.js";
import type { GpuDevice } from "../../gpu/device.js";
import { counted } from "../../platform/counted.js";
import { PACKAGE_VERSION } from "../../platform/package-version.js";
import type { ComputeType, WeightFormat } from "../../tensor/dtype.js";
import type { FileOptions, ModelLoadConfig } from "../load-config.js";
import type { GeneratedOn } from "./image-record.js";
import { identifyModels, type ModelFile } from "./model-identity.js";

/** The models and their device, as `DalleModelManager` has them. */
interface DescribedModels {
  readonly config: ModelLoadConfig;
  readonly gpu: GpuDevice;
  readonly dtype: ComputeType;
  readonly weightFormat: WeightFormat;
}

/** What records of the default load config leave out. */
const DEFAULT_CONFIG = "shapes";

/** What follows the name of a load config whose content was changed: the name alone does not lead to the models. */
export const CHANGED = ", changed";

/** Describes models and where they run, for records. `name` is how to name the load config; `reading` how its files were read. */
export async function describeModels(
  { config, gpu, dtype, weightFormat }: DescribedModels,
  name = config.isChanged ? `${config.source}${CHANGED}` : config.source,
  reading: FileOptions = {},
): Promise<GeneratedOn> {
  const files = await identifyModels(config, { ...reading, prefersF16: dtype === "f16" });
  return {
    software: `dalle2-webgpu ${PACKAGE_VERSION}`,
    model: name === DEFAULT_CONFIG ? { files } : { config: name, files },
    adapter: adapterName(gpu.adapter),
    dtype,
    weights: weightFormat,
    tuning: gpu.tuning.id,
  };
}

const COMPARED = {
  software: "other software",
  model: "other model files",
  adapter: "another adapter",
  dtype: "another dtype",
  weights: "weights in another format",
  tuning: "another tuning table",
};

/** Returns warnings why an image may differ from the recorded one: one for each difference. */
export function differences(then: GeneratedOn, now: GeneratedOn): string[] {
  const [before, here] = [
    { ...then, model: filesOnlyIn(then, now) },
    { ...now, model: filesOnlyIn(now, then) },
  ];
  return (Object.keys(COMPARED) as (keyof typeof COMPARED)[])
    .filter((key) => before[key] !== here[key])
    .map((key) => `${COMPARED[key]} (${before[key]}; here ${here[key]})`)
    .map((difference) => `Warning: the image was generated with ${difference}: it may look different.`);
}

/**
 * Describes the model files of a record that are not in another one; all of them if only the other one has more. Empty if both
 * have the same: a file may have another name on another machine.
 */
function filesOnlyIn({ model: { files } }: GeneratedOn, { model: { files: others } }: GeneratedOn): string {
  const own = without(files, others);
  if (own.length + without(others, files).length === 0) return "";
  return (own.length > 0 ? own : files).map(describeFile).join("; ");
}

function without(files: readonly ModelFile[], others: readonly ModelFile[]): readonly ModelFile[] {
  return files.filter(({ fingerprint }) => others.every((other) => other.fingerprint !== fingerprint));
}

function describeFile({ name, bytes, fingerprint }: ModelFile): string {
  return `${name}, ${counted(bytes, "byte")}, fingerprint ${fingerprint.slice(0, 12)}`;
}
