import { join } from "#platform";
import * as z from "zod/mini";
import { counted } from "../platform/counted.js";
import { formatPath } from "./config-error.js";
import { downloadName, file } from "./file-location.js";
import { rule, type Fault } from "./rule.js";

/** Longest list in a load config. Real cascades have three U-Nets. */
export const MAX_ENTRIES = 100;

const anyList = z.array(z.unknown()).check(z.maxLength(MAX_ENTRIES));

/** The `default_` lists of a source have the same length as its `unet_numbers`. */
export const checkPerUnet = rule(z.looseObject({ unet_numbers: anyList }), (source) => {
  const count = source.unet_numbers.length;
  return Object.entries(source).flatMap(([field, values]) => {
    if (!field.startsWith("default_") || !Array.isArray(values) || values.length === count) return [];
    return [
      {
        path: [field],
        message: `has ${counted(values.length, "value")}, but unet_numbers has ${count}; give one value for each`,
      },
    ];
  });
});

/**
 * The U-Nets of all sources are 1, 2, …, each exactly once (dalle2-laion's `verify_unet_numbers_valid`).
 * @see https://github.com/LAION-AI/dalle2-laion/blob/d4ac5ffa3e24ac6efb133cc7ec8a7303481aa2fc/dalle2_laion/config.py#L156-L172
 */
export const checkUnetNumbers = rule(
  z.object({
    unet_sources: z
      .array(
        z.object({
          unet_numbers: z.array(z.int().check(z.positive())).check(z.minLength(1), z.maxLength(MAX_ENTRIES)),
        }),
      )
      .check(z.minLength(1), z.maxLength(MAX_ENTRIES)),
  }),
  ({ unet_sources: sources }) => {
    const named = sources.flatMap(({ unet_numbers: numbers }, i) =>
      numbers.map((number, j) => ({ number, path: ["unet_sources", i, "unet_numbers", j] })),
    );
    const absent = absentNumbers(named.map(({ number }) => number));
    return [...repetitions(named), ...(absent === undefined ? [] : [{ path: ["unet_sources"], message: absent }])];
  },
);

function repetitions(named: readonly { readonly number: number; readonly path: Fault["path"] }[]): Fault[] {
  const first = new Map<number, string>();
  const faults: Fault[] = [];
  for (const { number, path } of named) {
    const before = first.get(number);
    if (before === undefined) first.set(number, formatPath(["decoder", ...path]));
    else faults.push({ path, message: `repeats U-Net ${number}, which ${before} already names` });
  }
  return faults;
}

/** The problem if numbers from 1 to the highest are missing. */
function absentNumbers(numbers: readonly number[]): string | undefined {
  const present = new Set(numbers);
  const highest = numbers.reduce((most, number) => Math.max(most, number), 0);
  const absent: number[] = [];
  for (let number = 1; number < highest && absent.length <= 3; number++) {
    if (!present.has(number)) absent.push(number);
  }
  if (absent.length === 0) return undefined;
  const names = `${absent.slice(0, 3).join(", ")}${absent.length > 3 ? ", …" : ""} ${absent.length > 1 ? "are" : "is"}`;
  return absent[0] === 1
    ? `the unet_numbers of all sources must start at 1; ${names} missing`
    : `the unet_numbers of all sources must be 1 to ${highest}; ${names} missing`;
}

/** A pipeline has all models: no others can be given. */
export const checkPipeline = rule(z.looseObject({ pipeline: z.looseObject({}) }), (config) =>
  ["prior", "decoder", "clip"]
    .filter((key) => config[key] != null)
    .map((key) => ({
      path: [key],
      message: `cannot be given beside pipeline, whose folder has all models; to combine models, name the folder in load_model_from`,
    })),
);

/** No two downloads have the same name in the same folder, because each would replace the other. */
export const checkDownloads = rule(z.unknown(), (config) => {
  const kept = new Map<string, { readonly url: string; readonly place: string }>();
  const faults: Fault[] = [];
  for (const { path, url, keptAs } of downloadsIn(config)) {
    const other = kept.get(keptAs);
    if (!other) {
      kept.set(keptAs, { url, place: formatPath(path) });
    } else if (other.url !== url) {
      const message = `has the same name in the cache, ${keptAs}, as ${other.place}; give one of them another filename_override`;
      faults.push({ path, message });
    }
  }
  return faults;
});

interface Download {
  readonly path: readonly (string | number)[];
  readonly url: string;
  /** Path of the download in its `cache_dir`. */
  readonly keptAs: string;
}

/** Every `File` in a value that is downloaded to a folder of its own. */
function downloadsIn(value: unknown, path: readonly (string | number)[] = []): readonly Download[] {
  if (typeof value !== "object" || value === null) return [];
  // Only objects that look like a `File` are checked, because a config may hold many other values.
  const { success, data } = "load_type" in value ? file.safeParse(value) : { success: false as const };
  if (success) {
    if (data.load_type === "local" || data.cache_dir == null) return [];
    return [{ path, url: data.path, keptAs: join(data.cache_dir, downloadName(data)) }];
  }
  if (Array.isArray(value)) return value.flatMap((item, i) => downloadsIn(item, [...path, i]));
  return Object.entries(value).flatMap(([key, item]) => downloadsIn(item, [...path, key]));
}
