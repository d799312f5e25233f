import fc from "fast-check";
import { readFileSync } from "node:fs";
import { parseConfig } from "../../../src/config/config-error.js";
import { resolveDecoderConfig, resolvePriorConfig } from "../../../src/models/dalle2-pytorch/options.js";
import { trainDecoderConfig, trainPriorConfig } from "../../../src/models/dalle2-pytorch/train-config.js";
import { detectDialect } from "../../../src/models/dalle2-pytorch/dialect/detect-dialect.js";
import {
  completeDecoderConfig,
  decoderMisfit,
  inferDecoder,
} from "../../../src/models/dalle2-pytorch/inference/infer-decoder.js";
import {
  completePriorConfig,
  inferPrior,
  priorMisfit,
} from "../../../src/models/dalle2-pytorch/inference/infer-prior.js";
import { corpus } from "../corpus.js";
import { drawn } from "../inputs.js";
import { utf8 } from "../mutators/bytes.js";
import { NASTY_NAMES } from "../mutators/words.js";
import type { Target } from "../target.js";

type Shapes = Readonly<Record<string, readonly number[]>>;

interface Tree {
  readonly [key: string]: Tree | readonly number[];
}

/** Names and shapes of real checkpoints of any version. */
function realShapes(name: string): Shapes[] {
  const { headers } = JSON.parse(readFileSync(`test/fixtures/headers/${name}.json`, "utf8")) as {
    headers: { tensors: Tree }[];
  };
  return headers.map(({ tensors }) => Object.fromEntries(flatten(tensors, "")));
}

function flatten(tree: Tree, prefix: string): [string, readonly number[]][] {
  return Object.entries(tree).flatMap(([key, value]): [string, readonly number[]][] =>
    Array.isArray(value) ? [[prefix + key, value as number[]]] : flatten(value as Tree, `${prefix}${key}.`),
  );
}

interface Described {
  readonly version?: string | undefined;
  readonly config?: unknown;
  readonly tensors: Shapes;
}

const number = fc.oneof(fc.nat({ max: 70 }), fc.constantFrom(0, 1e9, 2 ** 53 - 1));
const shape = fc.array(number, { maxLength: 5 });
const version = fc.oneof(
  fc.tuple(fc.nat({ max: 2 }), fc.nat({ max: 27 }), fc.nat({ max: 12 })).map((parts) => parts.join(".")),
  fc.constantFrom(
    "v1.2",
    "1!2.0",
    "1.0rc1+local",
    "0.4.9",
    "99999999999999999999.1",
    " 1.0 ",
    "1",
    "1.",
    ".1",
    ...NASTY_NAMES,
  ),
  fc.string(),
);
const config = fc.oneof(
  fc.jsonValue(),
  fc.record({ net: fc.jsonValue(), unets: fc.array(fc.jsonValue()), decoder: fc.jsonValue() }, { requiredKeys: [] }),
);

/** State dicts with the names of real ones, some missing or with other shapes, to detect and infer. */
export function dialect(): Target {
  const real = ["prior", "prior-continuous", "unet-plain", "unet-cross", "unet-combine", "decoder"].flatMap(realShapes);
  const rename = fc.oneof(fc.constantFrom(...NASTY_NAMES, ""), fc.constantFrom(0, 7, 400_000_000, 4_294_967_294, 1e15));
  const changes = fc.array(fc.tuple(fc.nat(), fc.option(shape), rename), { maxLength: 6 });
  const described = fc
    .record({
      base: fc.constantFrom(...real),
      changes,
      version: fc.option(version, { nil: undefined }),
      config: fc.option(config, { nil: undefined }),
    })
    .map(({ base, changes: list, ...rest }): Described => ({ ...rest, tensors: changed(base, list) }));
  return {
    seeds: corpus("dialect"),
    inputs: drawn(described, (value) => utf8(JSON.stringify(value))),
    refusals: ["ConfigError", "DialectError", "FormatError", "UnsupportedError", "WeightError"],
    run: checkDialect,
  };
}

/** A null shape removes a tensor. A suffix, or another index in the name, adds another tensor. */
function changed(
  base: Shapes,
  changes: readonly (readonly [number, readonly number[] | null, string | number])[],
): Shapes {
  const tensors = new Map(Object.entries(base));
  const names = [...tensors.keys()];
  for (const [index, shape, rename] of changes) {
    const old = names[index % names.length]!;
    const name = typeof rename === "string" ? old + rename : old.replace(/\d+/, String(rename));
    if (shape === null) tensors.delete(name);
    else tensors.set(name, shape);
  }
  return Object.fromEntries(tensors);
}

function checkDialect(bytes: Uint8Array): void {
  const input = parse(bytes);
  if (!input) return;
  const tensors = new Map(Object.entries(input.tensors).map(([name, shape]) => [name, { shape }]));
  const checkpoint = {
    name: "input",
    tensors,
    config: input.config,
    ...(input.version !== undefined && { version: input.version }),
  };
  const { component, dialect: found } = detectDialect(checkpoint);
  // As in loading a model: shapes complete the config, which must then agree with them.
  if (component === "prior") {
    const inferred = inferPrior(tensors, found.network);
    const { config } = completePriorConfig(input.config, inferred);
    throwAny(priorMisfit("input", resolvePriorConfig(parseConfig(trainPriorConfig, config, "input").prior), inferred));
  }
  if (component === "decoder") {
    const inferred = inferDecoder(tensors, found.network);
    const { config } = completeDecoderConfig(input.config, inferred);
    throwAny(
      decoderMisfit("input", resolveDecoderConfig(parseConfig(trainDecoderConfig, config, "input").decoder), inferred),
    );
  }
}

function throwAny(error: Error | undefined): void {
  if (error) throw error;
}

/** Undefined for the rest of a truncated input. */
function parse(bytes: Uint8Array): Described | undefined {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as Described;
  } catch {
    return undefined;
  }
}
