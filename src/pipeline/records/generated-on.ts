import { counted } from "../../platform/counted.js";
import type { DalleModelManager } from "../manager/model-manager.js";
import type { LoadingOptions } from "../manager/loading-options.js";
import { TUNING, type GeneratedOn } from "./image-record.js";
import { identifyModels } from "./model-identity.js";

/** Describes the models of a manager and where they run, for records. */
export async function describeModels(
  { config, gpu, dtype }: DalleModelManager,
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
    tuning: TUNING,
  };
}

const COMPARED = { software: "software", model: "model files", adapter: "adapter", dtype: "dtype", tuning: "tuning" };

/** Returns warnings why an image may differ from the recorded one by more than ±1: one for each difference. */
export function differences(then: GeneratedOn, now: GeneratedOn): string[] {
  const [before, here] = [
    { ...then, model: modelText(then) },
    { ...now, model: modelText(now) },
  ];
  return (Object.keys(COMPARED) as (keyof typeof COMPARED)[])
    .filter((key) => before[key] !== here[key])
    .map((key) => `another ${COMPARED[key]} (${before[key]}; here ${here[key]})`)
    .map((difference) => `Warning: the image was generated with ${difference}: it may look different.`);
}

function modelText({ model }: GeneratedOn): string {
  return model.files
    .map(
      ({ name, bytes, fingerprint }) => `${name}, ${counted(bytes, "byte")}, fingerprint ${fingerprint.slice(0, 12)}`,
    )
    .join("; ");
}
