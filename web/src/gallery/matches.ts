import type { KeptImage } from "./kept-image.js";

/** What the history is narrowed down to. */
export interface Filter {
  /** Words that the prompt, the negative prompt, the seed or the model must have. */
  readonly text: string;
  /** Id of a model; empty for all. */
  readonly modelId: string;
}

/** The images that match. */
export function matching(images: readonly KeptImage[], { text, modelId }: Filter): readonly KeptImage[] {
  const words = plain(text).split(/\s+/).filter(Boolean);
  if (words.length === 0 && modelId === "") return images;
  return images.filter((image) => {
    if (modelId !== "" && image.model.id !== modelId) return false;
    const { negative = "", seed } = image.parameters;
    const content = plain(`${image.prompt} ${negative} ${String(seed)} ${image.model.label}`);
    return words.every((word) => content.includes(word));
  });
}

/** Without case and accents. */
function plain(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}
