import type { KeptImage } from "./kept-image.js";

/** The images of both lists, each once, newest first. */
export function withImages(images: readonly KeptImage[], more: readonly KeptImage[]): readonly KeptImage[] {
  const known = idsOf(images);
  const others = more.filter(({ id }) => !known.has(id));
  return others.length === 0 ? images : [...others, ...images].sort(newestFirst);
}

/** The images without those of some ids. */
export function withoutImages(images: readonly KeptImage[], ids: readonly string[]): readonly KeptImage[] {
  const gone = new Set(ids);
  return images.filter(({ id }) => !gone.has(id));
}

export function idsOf(images: readonly KeptImage[]): ReadonlySet<string> {
  return new Set(images.map(({ id }) => id));
}

/** Models, each once; of those with the same id, the last one. */
export function distinctModels(models: readonly KeptImage["model"][]): readonly KeptImage["model"][] {
  return [...new Map(models.map((model) => [model.id, model])).values()];
}

function newestFirst(a: KeptImage, b: KeptImage): number {
  return b.time - a.time || b.index - a.index || (a.id < b.id ? 1 : -1);
}
