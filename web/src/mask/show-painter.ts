import type { AppState } from "../app-state.svelte.js";

/** Shows the painter on the stage. */
export function showPainter(app: Pick<AppState, "shown" | "mask">, wantsFocus = false): void {
  const { shown, mask } = app;
  if (shown.kind === "mask") return;
  mask.goBack = () => {
    app.shown = shown;
  };
  mask.wantsFocus = wantsFocus;
  app.shown = { kind: "mask" };
}

/** Shows what the painter stands in front of. */
export function hidePainter({ shown, mask }: Pick<AppState, "shown" | "mask">): void {
  if (shown.kind === "mask") mask.goBack?.();
}
