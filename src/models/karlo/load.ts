/** Builds Karlo's models from a folder in the layout of diffusers. */
import { ConfigError } from "../../config/config-error.js";
import type { ModelSource, PriorSource, UnetSource } from "../../config/load-config-data.js";
import { WeightStore } from "../../weights/weight-store.js";
import { PRIOR_NAME } from "../component.js";
import { declareEncoders } from "../diffusers/clip-encoders.js";
import { componentConfig } from "../diffusers/component-files.js";
import { openComponent } from "../diffusers/component-weights.js";
import { componentsOf } from "../diffusers/components.js";
import type { BuildRequest, Declared } from "../family.js";
import type { Encoders } from "../interfaces.js";
import type { OpenedFolder } from "../opened.js";
import { decoderOptions, type DecoderOptions } from "./config/decoder-config.js";
import { priorOptions } from "./config/prior-config.js";
import { schedulerOptions } from "./config/scheduler-config.js";
import { superResolutionOptions, type SuperResolutionOptions } from "./config/super-resolution-config.js";
import { textProjectionOptions, type TextProjectionOptions } from "./config/text-projection-config.js";
import { checkDecoder, checkPrior, checkSuperResolution } from "./check-options.js";
import { DECODER_NAME, DecoderStage } from "./decoder-stage.js";
import { joinedTensors } from "./joined-tensors.js";
import { KarloCascade } from "./karlo-cascade.js";
import { KarloPrior } from "./karlo-prior.js";
import { UnclipScheduler } from "./scheduler/unclip-scheduler.js";
import { FIRST_STEPS, LAST_STEP, SuperResolutionStage } from "./super-resolution-stage.js";

/** What diffusers' weights are called. */
const BASE = "diffusion_pytorch_model";
/** Encodings of CLIP's longest text. Only plans and dry runs use it: those of a call may have another length. */
const TEXT_LENGTH = 77;

/** Builds the prior. Rejects with `ConfigError`, `FormatError` or `FileError`, which name the file. */
export async function loadPrior({ opened, arena }: BuildRequest<PriorSource>): Promise<Declared<KarloPrior>> {
  const folder = folderOf(opened);
  const options = await readOptions(folder, "prior", priorOptions);
  const scheduler = await readScheduler(folder, "prior_scheduler");
  checkPrior(folder.name, options, scheduler.options);
  const store = new WeightStore(arena, await openComponent(folder, "prior", BASE));
  const model = new KarloPrior(store.root, options, scheduler);
  return { model, components: [{ name: PRIOR_NAME, weights: store }], weights: [{ stores: [store] }] };
}

/** Builds the decoder and super-resolution. Rejects as `loadPrior`. */
export async function loadCascade(requests: readonly BuildRequest<UnetSource>[]): Promise<Declared<KarloCascade>> {
  const { opened, arena } = onlyRequest(requests);
  const folder = folderOf(opened);
  const decoder = await readDecoder(folder);
  const superResolution = await readSuperResolution(folder);
  checkDecoder(folder.name, decoder);
  checkSuperResolution(folder.name, superResolution, decoder.unet.channelsIn);
  const open = async (component: string) => ({ component, source: await openComponent(folder, component, BASE) });
  const whole = new WeightStore(arena, joinedTensors([await open("decoder"), await open("text_proj")]));
  const first = new WeightStore(arena, (await open("super_res_first")).source);
  const last = new WeightStore(arena, (await open("super_res_last")).source);
  const weights = { unet: whole.root.at("decoder"), projection: whole.root.at("text_proj") };
  const model = new KarloCascade(
    new DecoderStage(weights, decoder),
    new SuperResolutionStage({ first: first.root, last: last.root }, superResolution),
  );
  return {
    model,
    components: [
      { name: DECODER_NAME, weights: whole },
      { name: FIRST_STEPS, weights: first },
      { name: LAST_STEP, weights: last },
    ],
    weights: [{ stores: [whole] }, { stores: [first] }, { stores: [last] }],
  };
}

/** Builds the encoders of texts and, if the folder has one, of images. Rejects as `loadPrior`. */
export async function loadEncoders({ opened, arena }: BuildRequest<ModelSource>): Promise<Declared<Encoders>> {
  const folder = folderOf(opened);
  const found = componentsOf(folder);
  const hasImageEncoder = found.has("image_encoder") && found.has("feature_extractor");
  return declareEncoders(folder, arena, { hasImageEncoder });
}

async function readDecoder(folder: OpenedFolder) {
  const unet: DecoderOptions = await readOptions(folder, "decoder", decoderOptions);
  const projection: TextProjectionOptions = await readOptions(folder, "text_proj", textProjectionOptions);
  const scheduler = await readScheduler(folder, "decoder_scheduler");
  return {
    unet: { ...unet, sampleSize: sizeOf(folder, "decoder", unet.sampleSize) },
    projection,
    scheduler,
    textLength: TEXT_LENGTH,
  };
}

async function readSuperResolution(folder: OpenedFolder) {
  const first: SuperResolutionOptions = await readOptions(folder, "super_res_first", superResolutionOptions);
  const last: SuperResolutionOptions = await readOptions(folder, "super_res_last", superResolutionOptions);
  const scheduler = await readScheduler(folder, "super_res_scheduler");
  return { first, last, scheduler, imageSize: sizeOf(folder, "super_res_first", first.sampleSize) };
}

/** Reads the config of a component. */
async function readOptions<Options>(
  folder: OpenedFolder,
  component: string,
  parse: (value: unknown, file: string) => Options,
): Promise<Options> {
  const { value, name } = await componentConfig(folder, component);
  return parse(value, name);
}

async function readScheduler(folder: OpenedFolder, component: string): Promise<UnclipScheduler> {
  const { value, name } = await componentConfig(folder, component, "scheduler_config.json");
  return new UnclipScheduler(schedulerOptions(value, name));
}

function sizeOf(folder: OpenedFolder, component: string, size: number | undefined): number {
  if (size !== undefined) return size;
  throw new ConfigError(
    `${folder.name}: the config of ${component} has no sample_size, so the size of images is unknown`,
  );
}

function folderOf(opened: BuildRequest<unknown>["opened"]): OpenedFolder {
  if (opened.kind === "folder") return opened;
  throw new ConfigError(`${opened.name} is a file; Karlo is a folder of models`);
}

/** The only source of U-Nets. Throws `ConfigError` for several, and for a choice among Karlo's. */
function onlyRequest(requests: readonly BuildRequest<UnetSource>[]): BuildRequest<UnetSource> {
  const [request, ...others] = requests;
  if (others.length > 0) {
    throw new ConfigError(`${request!.config} has several sources of U-Nets, but those of Karlo come from one folder`);
  }
  const { unet_numbers: numbers } = request!.source;
  if (numbers.length === 0 || numbers.join() === "1,2") return request!;
  throw new ConfigError(
    `${request!.origin}: unet_numbers must be [1, 2], because Karlo's U-Nets are loaded together; it has [${numbers.join(", ")}]`,
  );
}
