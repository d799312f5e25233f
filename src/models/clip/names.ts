import type { ModelNames } from "../../weights/tree/model-names.js";

/** OpenAI's and open_clip's names, those of the transformers library, x-clip's, CoCa's. */
const NAMES =
  "visual|transformer\\.resblocks|vision_model|text_model|text_transformer|visual_transformer|img_encoder|text_cls_token";
const OWN = new RegExp(`^(?:${NAMES})\\b`);
/** The same after any others. The shortest beginning counts: a CLIP's `visual.` may have a `transformer.resblocks.`. */
const WITHIN = new RegExp(`^(|.*?\\.)(?:${NAMES})(?:\\.|$)`, "s");

/** Whether a name in a state dict tells that it is a CLIP's. */
export function isClipName(name: string): boolean {
  return OWN.test(name);
}

/** What names tell of CLIPs. They rank behind other models, which may have been trained with them. */
export const clipNames: ModelNames = {
  components: new Map([["clip", { kind: "clip", words: "a CLIP", rank: 2 }]]),
  anchorOf: (name) => {
    const match = WITHIN.exec(name);
    return match ? { prefix: match[1]!, component: "clip" } : undefined;
  },
  dropped: [],
};
