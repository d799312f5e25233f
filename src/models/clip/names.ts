import type { ModelNames } from "../../weights/tree/model-names.js";

/** Names of OpenAI and open_clip, of the transformers library, of x-clip, and of CoCa. */
const NAMES =
  "visual|transformer\\.resblocks|vision_model|text_model|text_transformer|visual_transformer|img_encoder|text_cls_token";
const OWN = new RegExp(`^(?:${NAMES})\\b`);
/** The same after any other names. The shortest prefix counts: a CLIP's `visual.` may have a `transformer.resblocks.`. */
const WITHIN = new RegExp(`^(|.*?\\.)(?:${NAMES})(?:\\.|$)`, "s");

/** True if a name in a state dict belongs to a CLIP. */
export function isClipName(name: string): boolean {
  return OWN.test(name);
}

/** What names tell about CLIPs. They rank behind other models, which may have been trained with them. */
export const clipNames: ModelNames = {
  components: new Map([["clip", { kind: "clip", words: "a CLIP", rank: 2 }]]),
  anchorOf: (name) => {
    const match = WITHIN.exec(name);
    return match ? { prefix: match[1]!, component: "clip" } : undefined;
  },
  dropped: [],
};
