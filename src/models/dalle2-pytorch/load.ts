/** Builds priors and decoders from checkpoints of DALLE2-pytorch. */
import * as z from "zod/mini";
import { ConfigError, parseConfig } from "../../config/config-error.js";
import type { PriorSource, UnetSource } from "../../config/load-config-data.js";
import { WeightStore } from "../../weights/weight-store.js";
import type { Component } from "../component.js";
import type { BuildRequest, Declared, DeclaredWeights, TrainConfig } from "../family.js";
import type { OpenedFile } from "../opened.js";
import { checkImageSizes } from "./cascade.js";
import { Decoder } from "./decoder.js";
import { detectDialect } from "./dialect/detect-dialect.js";
import type { Dialect } from "./dialect/dialect.js";
import { dialectEntries } from "./dialect/dialect-config.js";
import { PRIOR_NAME } from "../component.js";
import { DiffusionPrior } from "./diffusion-prior.js";
import { completeDecoderConfig, decoderMisfit, inferDecoder } from "./inference/infer-decoder.js";
import { completePriorConfig, inferPrior, priorMisfit } from "./inference/infer-prior.js";
import { resolveDecoderConfig, resolvePriorConfig } from "./options.js";
import { describeIgnored, trainDecoderConfig, trainPriorConfig } from "./train-config.js";
import type { UnetSampler } from "./unet-sampler.js";

type Request<Source> = BuildRequest<Source>;

/** Builds a prior. Throws `ConfigError`, which names the file. */
export function loadPrior(request: Request<PriorSource>): Declared<DiffusionPrior> {
  const { source, given, arena } = request;
  const checkpoint = fileOf(request);
  const dialect = dialectOf(request, checkpoint);
  const inferred = inferPrior(checkpoint.tensors, dialect.network);
  const { config, missing } = completePriorConfig(given.value, inferred);
  requireOptions(missing, given, request.config);
  const { prior } = parseConfig(trainPriorConfig, config, given.name);
  const sampleTimesteps = source.default_sample_timesteps ?? prior.sample_timesteps;
  const options = resolvePriorConfig({ ...prior, sample_timesteps: sampleTimesteps });
  const [tables, network] = [new WeightStore(arena, checkpoint), new WeightStore(arena, checkpoint)];
  const model = new DiffusionPrior(tables.root, options, dialect, network.root);
  const misfit = priorMisfit(checkpoint.name, options, inferred);
  return {
    model,
    components: [{ name: PRIOR_NAME, weights: network }],
    weights: [{ stores: [tables, network], tables, misfit, dialect }],
  };
}

/**
 * Builds a decoder with U-Nets from one checkpoint or several. Each U-Net keeps the sampler that it was trained for;
 * the reference keeps only schedules and variances and uses defaults for the rest.
 */
export function loadDecoder(requests: readonly Request<UnetSource>[]): Declared<Decoder> {
  const sources = requests.map(loadUnets);
  const parts = sources.flatMap((source) => source.parts);
  parts.sort((a, b) => a.sampler.index - b.sampler.index);
  const [first] = requests;
  checkImageSizes(parts, first!.config);
  return {
    model: new Decoder(parts.map(({ sampler }) => sampler)),
    components: parts.map(({ component }) => component),
    weights: sources.map(({ weights }) => weights),
  };
}

interface UnetPart {
  readonly sampler: UnetSampler;
  /** Where it comes from: its path in the load config, and its file. */
  readonly origin: string;
  readonly component: Component;
}

interface UnetsOfSource {
  readonly parts: readonly UnetPart[];
  readonly weights: DeclaredWeights;
}

function loadUnets(request: Request<UnetSource>): UnetsOfSource {
  const { source, given, arena, origin } = request;
  const checkpoint = fileOf(request);
  const dialect = dialectOf(request, checkpoint);
  const inferred = inferDecoder(checkpoint.tensors, dialect.network, given.value);
  const { config, missing } = completeDecoderConfig(given.value, inferred);
  requireOptions(missing, given, request.config);
  const parsed = parseConfig(trainDecoderConfig, config, given.name);
  for (const ignored of describeIgnored(parsed)) request.warn(`${given.name}: ${ignored}`);
  const { decoder } = parsed;
  const sampleTimesteps = sourceTimesteps(source, decoder.unets.length) ?? decoder.sample_timesteps;
  const options = resolveDecoderConfig({ ...decoder, sample_timesteps: sampleTimesteps });
  const tables = new WeightStore(arena, checkpoint);
  const unets = new Map(source.unet_numbers.map((number) => [number, new WeightStore(arena, checkpoint)]));
  const weightsOf = (number: number) => unets.get(number)!.root;
  const samplers = Decoder.declare(tables.root, options, dialect, source.unet_numbers, weightsOf);
  const misfit = decoderMisfit(checkpoint.name, options, inferred);
  return {
    parts: samplers.map((sampler, i) => ({
      sampler,
      origin,
      component: { name: sampler.name, weights: unets.get(source.unet_numbers[i]!)! },
    })),
    weights: { stores: [tables, ...unets.values()], tables, misfit, dialect },
  };
}

/** The checkpoint. This family claims no folders, so it is a file. */
function fileOf({ opened }: Request<unknown>): OpenedFile {
  if (opened.kind === "file") return opened;
  throw new ConfigError(`${opened.name} is a folder; DALLE2-pytorch saves a model as one file`);
}

const keys = z.object(dialectEntries);

/** The dialect of a checkpoint. Warns about what was assumed. */
function dialectOf({ source, given, warn }: Request<PriorSource | UnetSource>, checkpoint: OpenedFile): Dialect {
  const { version, dialect: overrides } = keys.parse(source);
  const { dialect, warnings } = detectDialect(checkpoint, { version, overrides, config: given.value });
  for (const warning of warnings) warn(warning);
  return dialect;
}

/** Throws one `ConfigError` that asks for the options that neither a train config nor the shapes give. */
function requireOptions(missing: readonly string[], { value, name }: TrainConfig, loadConfig: string): void {
  if (missing.length === 0) return;
  const [problem, remedy] =
    value === undefined
      ? ["contains no config", `Put them into a JSON file and name it as load_config_from in ${loadConfig}`]
      : ["lacks options", "Add them"];
  throw new ConfigError(
    `${name} ${problem}, and shapes do not determine ${missing.join(", ")}. ${remedy}; the other options are read from the weights.`,
  );
}

/** Steps by U-Net, null if the source names none. Undefined if it leaves all of them to the checkpoint. */
function sourceTimesteps({ unet_numbers: numbers, default_sample_timesteps: given }: UnetSource, count: number) {
  if (!given) return undefined;
  return Array.from({ length: count }, (_, i) => given[numbers.indexOf(i + 1)] ?? null);
}
