import type { ModelNames } from "../../../weights/tree/model-names.js";
import { anchorOf } from "./component.js";

/** Names in a prior and in a decoder besides those of its noise schedule, which were at the root before 0.11.0. */
const OWN_NAMES = {
  prior: /^(?:net|noise_scheduler|clip)\./,
  decoder: /^(?:unets|noise_schedulers|lowres_conds|clip)\./,
} as const;
const SCHEDULE =
  /^(?:betas|(?:sqrt_(?:one_minus_|recip_|recipm1_)?|log_one_minus_)?alphas_cumprod|alphas_cumprod_prev|posterior_(?:variance|log_variance_clipped|mean_coef[12])|p2_loss_weight)$/;

/** True if a prior or a decoder of any version can have a tensor with this name. */
const isOwn =
  (model: keyof typeof OWN_NAMES) =>
  (name: string): boolean =>
    OWN_NAMES[model].test(name) || SCHEDULE.test(name);

/** What names tell about the models of DALLE2-pytorch. A whole model ranks before a single network. */
export const modelNames: ModelNames = {
  components: new Map([
    ["prior", { kind: "prior", words: "a prior", rank: 0, isOwn: isOwn("prior"), isSpread: true }],
    ["decoder", { kind: "decoder", words: "a decoder", rank: 0, isOwn: isOwn("decoder"), isSpread: true }],
    ["priorNetwork", { kind: "prior", words: "the network of a prior", rank: 1 }],
    ["unet", { kind: "decoder", words: "a U-Net", rank: 1 }],
  ]),
  anchorOf,
  // Autoencoders of latent diffusion, which a decoder may have. None was ever published.
  dropped: ["vaes."],
  averagedList: "unets",
};
