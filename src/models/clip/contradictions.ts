import type { OpenAiClipConfig } from "./config/clip-config.js";
import { formatPath } from "../../config/config-error.js";
import type { OpenClipModelConfig } from "./config/open-clip-config.js";
import type { OpenAiClipOptions } from "./openai-options.js";
import { transformersText, transformersVision } from "./stated-clip.js";

type Size = number | readonly number[] | undefined;

/** A key of a config, its value, and the value by the shapes of the tensors. */
type SizeComparison = readonly [path: readonly string[], stated: Size, found: Size];

/**
 * Contradictions between a CLIP's config and its tensors, as text; `found` are the sizes by their shapes. The libraries
 * would not load such weights, or would change them: positions would be interpolated.
 */
export function contradictions(config: OpenAiClipConfig, found: OpenAiClipOptions): string[] {
  const claims = [
    ...openClipSizes([], config, found),
    ...openClipSizes(["model_cfg"], config.model_cfg ?? {}, found),
    ...transformersSizes(config, found),
  ];
  return claims.filter(contradicts).map(([path, stated, size]) => {
    return `${formatPath(path)}: ${JSON.stringify(stated)} contradicts the weights, which have ${JSON.stringify(size)}`;
  });
}

function contradicts([, stated, found]: SizeComparison): boolean {
  if (stated === undefined || found === undefined) return false;
  // One number for a square, compared with both of its sides.
  const isPair = typeof stated === "object" && typeof found === "number";
  return isPair ? stated.some((one) => one !== found) : JSON.stringify(stated) !== JSON.stringify(found);
}

function openClipSizes(
  path: readonly string[],
  { embed_dim: embedDim, text_cfg: text = {}, vision_cfg: vision = {} }: OpenClipModelConfig,
  found: OpenAiClipOptions,
): SizeComparison[] {
  const image = found.vision;
  const ofVit: SizeComparison[] =
    image.kind === "vit"
      ? [
          [[...path, "vision_cfg", "mlp_ratio"], vision.mlp_ratio, ratioOf(image, vision.mlp_ratio)],
          [[...path, "vision_cfg", "patch_size"], vision.patch_size, image.patchSize],
        ]
      : [];
  return [
    [[...path, "embed_dim"], embedDim, found.embedDim],
    [[...path, "text_cfg", "context_length"], text.context_length, found.contextLength],
    [[...path, "text_cfg", "vocab_size"], text.vocab_size, found.vocabSize],
    [[...path, "text_cfg", "width"], text.width, found.text.width],
    [[...path, "text_cfg", "layers"], text.layers, found.text.layers],
    [[...path, "text_cfg", "mlp_ratio"], text.mlp_ratio, ratioOf(found.text, text.mlp_ratio)],
    [[...path, "vision_cfg", "width"], vision.width, image.width],
    [[...path, "vision_cfg", "layers"], vision.layers, image.layers],
    [[...path, "vision_cfg", "image_size"], vision.image_size, image.resolution],
    ...ofVit,
  ];
}

/** The stated ratio if it gives the actual width, rounded down as in open_clip. */
function ratioOf({ width, mlpWidth }: { width: number; mlpWidth: number }, stated: number | undefined): number {
  return stated !== undefined && Math.trunc(width * stated) === mlpWidth ? stated : mlpWidth / width;
}

function transformersSizes(config: OpenAiClipConfig, found: OpenAiClipOptions): SizeComparison[] {
  const [text, vision] = [transformersText(config) ?? {}, transformersVision(config) ?? {}];
  const image = found.vision;
  const ofVit: SizeComparison[] =
    image.kind === "vit"
      ? [
          [["vision_config", "intermediate_size"], vision.intermediate_size, image.mlpWidth],
          [["vision_config", "patch_size"], vision.patch_size, image.patchSize],
        ]
      : [];
  return [
    [["projection_dim"], config.projection_dim, found.embedDim],
    [["text_config", "max_position_embeddings"], text.max_position_embeddings, found.contextLength],
    [["text_config", "vocab_size"], text.vocab_size, found.vocabSize],
    [["text_config", "hidden_size"], text.hidden_size, found.text.width],
    [["text_config", "num_hidden_layers"], text.num_hidden_layers, found.text.layers],
    [["text_config", "intermediate_size"], text.intermediate_size, found.text.mlpWidth],
    [["vision_config", "hidden_size"], vision.hidden_size, image.width],
    [["vision_config", "num_hidden_layers"], vision.num_hidden_layers, image.layers],
    [["vision_config", "image_size"], vision.image_size, image.resolution],
    ...ofVit,
  ];
}
