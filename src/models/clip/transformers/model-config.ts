import { isRecord } from "../../../platform/objects.js";

/** The part of a `config.json` for one encoder: all of it, unless it is that of a whole CLIP. */
export function modelConfig(value: unknown, part: "text_config" | "vision_config"): unknown {
  return isRecord(value) && value.model_type === "clip" ? value[part] : value;
}
