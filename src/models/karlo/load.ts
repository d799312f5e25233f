/** Builds Karlo's models from a folder in the layout of diffusers. */
import { ConfigError } from "../../config/config-error.js";
import type { ModelSource, PriorSource, UnetSource } from "../../config/load-config-data.js";
import { WeightStore } from "../../weights/weight-store.js";
import { declareEncoders } from "../diffusers/clip-encoders.js";
import { NETWORK_WEIGHTS, openComponent } from "../diffusers/component-weights.js";
import { componentsOf } from "../diffusers/components.js";
import { declarePrior } from "../diffusers/prior/load-prior.js";
import type { UnclipPrior } from "../diffusers/prior/unclip-prior.js";
import type { BuildRequest, Declared } from "../family.js";
import type { Encoders } from "../interfaces.js";
import { PRIOR } from "./components.js";
import { DECODER_NAME, DecoderStage } from "./decoder-stage.js";
import { folderOf } from "../diffusers/requested-folder.js";
import { joinedTensors } from "../diffusers/joined-tensors.js";
import { PRIOR_DEFAULTS } from "./defaults.js";
import { KarloCascade } from "./karlo-cascade.js";
import { readCascade } from "./read-options.js";
import { FIRST_STEPS, LAST_STEP, SuperResolutionStage } from "./super-resolution-stage.js";

/** Builds the prior. Rejects with `ConfigError`, `FormatError` or `FileError`, which name the file. */
export async function loadPrior({ opened, arena }: BuildRequest<PriorSource>): Promise<Declared<UnclipPrior>> {
  return declarePrior(folderOf(opened, "Karlo"), arena, PRIOR, { defaults: PRIOR_DEFAULTS });
}

/** Builds the decoder and super-resolution. Rejects as `loadPrior`. */
export async function loadCascade(requests: readonly BuildRequest<UnetSource>[]): Promise<Declared<KarloCascade>> {
  const { opened, arena } = onlyRequest(requests);
  const folder = folderOf(opened, "Karlo");
  const { decoder, superResolution } = await readCascade(folder);
  const open = async (component: string) => ({
    component,
    source: await openComponent(folder, component, NETWORK_WEIGHTS),
  });
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
  const folder = folderOf(opened, "Karlo");
  const found = componentsOf(folder);
  const hasImageEncoder = found.has("image_encoder") && found.has("feature_extractor");
  return declareEncoders(folder, arena, { hasImageEncoder });
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
