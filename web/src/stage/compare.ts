import type { AppState } from "../app-state.svelte.js";
import type { KeptImage } from "../gallery/kept-image.js";

/**
 * Compares an image with the one that was in view before it, or else with its neighbour. In a comparison, it takes the side
 * that is chosen.
 */
export function compareWith(app: AppState, { id }: KeptImage): void {
  const { shown, viewer } = app;
  if (shown.kind === "compare") {
    if (!shown.ids.includes(id)) app.shown = viewer.withSide(shown.ids, id);
  } else {
    const other = otherThan(app, id);
    if (other === undefined) return;
    app.shown = { kind: "compare", ids: [other, id] };
  }
  app.isFullView = false;
  if (app.tab === "history") app.tab = "create";
}

function otherThan({ gallery, viewer }: AppState, id: string): string | undefined {
  const { images } = gallery;
  const at = images.findIndex((image) => image.id === id);
  const candidates = [viewer.previousId, images[at + 1]?.id, images[at - 1]?.id];
  return candidates.find((one) => one !== undefined && one !== id && gallery.find(one) !== undefined);
}
