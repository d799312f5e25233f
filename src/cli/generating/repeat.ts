import { isUrl } from "../../files/open.js";
import type { GeneratedOn, ImageRecord } from "../../pipeline/records/image-record.js";
import { readRecord } from "../../pipeline/records/image-record.js";
import { repetitionOf, type Repetition } from "../../pipeline/records/repeat.js";
import { UsageError } from "../errors.js";
import type { GenerationFlags, NegativeFlags } from "./options.js";
import { seedOf, type Seeded } from "./seeds.js";

/** What a record says, for `dalle2 dream`. */
export interface Repeated {
  /** As its flags. */
  readonly flags: { readonly prompt: readonly string[] } & NegativeFlags &
    Seeded &
    Pick<GenerationFlags, "modelConfig" | "dtype" | "computeInF32">;
  /** How prior and decoder sampled. */
  readonly settings: Repetition["settings"];
  readonly generatedOn: GeneratedOn;
}

/** The record in an image file. Rejects with `UsageError` where there is none, or none that `dream` can repeat. */
export async function recordToRepeat(file: string): Promise<ImageRecord> {
  const { record } = await readRecord(file);
  if (!record) {
    throw new UsageError(
      `${file}: there is no record of how it was drawn; dalle2 has not written it, or another program has dropped it.`,
    );
  }
  const { script } = record.parameters;
  const { initImage, embeddings } = record.inputs;
  if (script === "BasicInference" && (initImage ?? embeddings) !== undefined) {
    const [option, input] = initImage === undefined ? ["--embeddings", embeddings] : ["--init-image", initImage];
    throw new UsageError(
      `${file}: it was generated from ${input} (${option}) too, and the record holds no input files. Give the prompt, ${option} and the settings that dalle2 show prints.`,
    );
  }
  if (script !== "BasicInference") {
    const inputs = Object.values(record.inputs).join(", ");
    throw new UsageError(`${file}: it was drawn by ${script} from ${inputs}, not by dream.`);
  }
  return record;
}

/** What draws the image of a record again. Throws `UsageError` where it lacks what that takes. */
export function repeated(record: ImageRecord, modelConfig = recordedConfig(record)): Repeated {
  const { repetition, faults } = repetitionOf(record);
  if (faults) throw new UsageError(`The record cannot be repeated: ${faults.join("; ")}`);
  const { text, negativeText, settings, loading } = repetition;
  return {
    flags: {
      prompt: [text],
      ...seedOf(record),
      ...loading,
      ...(negativeText === undefined ? {} : { negativePrompt: negativeText }),
      ...(modelConfig === undefined ? {} : { modelConfig }),
    },
    settings,
    generatedOn: record,
  };
}

/** The load config that a record names. Whoever made the image must not choose what is fetched. */
function recordedConfig({ model: { config } }: ImageRecord): string | undefined {
  if (config === undefined || !isUrl(config)) return config;
  throw new UsageError(`The load config of the image is ${config}: if you trust it, give it as --model-config.`);
}
