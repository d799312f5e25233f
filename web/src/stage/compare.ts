import type { AppState } from "../app-state.svelte.js";
import type { KeptImage } from "../gallery/kept-image.js";

/**
 * Compares an image with the one that was in view before it, or else with its neighbour. In a comparison, it takes the side
 * that is chosen.
 */
export function compareWith(app: AppState, { id }: KeptImage): void {
  const { shown, gallery, viewer } = app;
  app.tab = app.tab === "history" ? "create" : app.tab;
  if (shown.kind === "compare") {
    if (!shown.ids.includes(id)) app.shown = viewer.withSide(shown.ids, id);
    return;
  }
  const { images } = gallery;
  const at = images.findIndex((image) => image.id === id);
  const neighbour = images[at + 1] ?? images[at - 1];
  const other = viewer.previousId !== undefined && gallery.find(viewer.previousId) ? viewer.previousId : neighbour?.id;
  if (other === undefined || other === id) return;
  app.shown = { kind: "compare", ids: [other, id] };
}
