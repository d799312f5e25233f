import { counted } from "../../platform/counted.js";
import type { DalleModelManager } from "../manager/model-manager.js";
import type { LoadingOptions } from "../manager/loading-options.js";
import type { GeneratedOn } from "./image-record.js";
import { identifyModels, type ModelFile } from "./model-identity.js";

/** Describes the models of a manager and where they run, for records. */
export async function describeModels(
  { config, gpu, dtype, weightFormat }: DalleModelManager,
  software: string,
  loading: LoadingOptions & {
    /** Whether the load config is the default one of the package, which records do not name. */
    readonly isOwnConfig: boolean;
  },
): Promise<GeneratedOn> {
  const { isOwnConfig, ...options } = loading;
  const files = await identifyModels(config, { ...options, prefersF16: dtype === "f16" });
  return {
    software,
    model: isOwnConfig ? { files } : { config: config.source, files },
    adapter: gpu.adapter.description || gpu.adapter.device,
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

/** Describes the model files of a record that are not in another one; all of them if there is none. */
function filesOnlyIn({ model }: GeneratedOn, other: GeneratedOn): string {
  const [files, others] = [model.files.map(describeFile), other.model.files.map(describeFile)];
  const own = files.filter((file) => !others.includes(file));
  return (own.length > 0 ? own : files).join("; ");
}

function describeFile({ name, bytes, fingerprint }: ModelFile): string {
  return `${name}, ${counted(bytes, "byte")}, fingerprint ${fingerprint.slice(0, 12)}`;
}
