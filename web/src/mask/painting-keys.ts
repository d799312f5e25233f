// What keys do while the mask has the focus.
import type { Painting } from "./painting.svelte.js";
import type { Tool } from "./mask-editor.svelte.js";

/** What of a key event counts. */
export type Key = Pick<KeyboardEvent, "key" | "shiftKey" | "ctrlKey" | "metaKey" | "altKey" | "repeat">;

const ARROWS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

const TOOLS: Readonly<Record<string, Tool>> = { b: "brush", r: "rectangle", l: "lasso", h: "move" };

/** How many steps lie side by side in the whole image; with Shift a step is eight times as large. */
const STEPS = 64;
const SHIFT_STEP = 8;
const ZOOM_STEP = 1.5;

/** Does what a key that goes down does. Returns false if it does nothing here, so that it may do something elsewhere. */
export function pressKey(painting: Painting, event: Key): boolean {
  if (pressHistoryKey(painting, event)) return true;
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  const { key } = event;
  const arrow = ARROWS[key];
  if (arrow) {
    const step =
      Math.max(Math.round(painting.layer.width / STEPS / painting.zoom), 1) * (event.shiftKey ? SHIFT_STEP : 1);
    painting.moveCursor(arrow[0] * step, arrow[1] * step);
  } else if (isPaintingKey(event)) {
    if (event.repeat) return true;
    if (key === "Enter" && painting.outline.length > 2) painting.closeShape();
    else painting.press();
  } else if (key === "Escape") return painting.cancel();
  else return pressToolKey(painting, key);
  return true;
}

/** Ends what a key began. Returns false if it began nothing. */
export function releaseKey(painting: Painting, event: Key): boolean {
  if (!isPaintingKey(event)) return false;
  painting.lift();
  return true;
}

/** Whether a key paints. */
export function isPaintingKey({ key }: Key): boolean {
  return key === " " || key === "Enter";
}

/** Undo, redo and the size of the brush: they also count while a tool has the focus. Returns whether the key is one of them. */
export function pressHistoryKey(
  { layer, editor }: Painting,
  { key, shiftKey, ctrlKey, metaKey, altKey }: Key,
): boolean {
  const letter = key.toLowerCase();
  if (altKey) return false;
  if (ctrlKey || metaKey) {
    if (letter === "z" && !shiftKey) layer.undo();
    else if (letter === "z" || letter === "y") layer.redo();
    else return false;
  } else if (key === "[") editor.stepBrush(-1, layer.width);
  else if (key === "]") editor.stepBrush(1, layer.width);
  else return false;
  return true;
}

function pressToolKey(painting: Painting, key: string): boolean {
  const { editor, layer } = painting;
  const letter = key.toLowerCase();
  const tool = TOOLS[letter];
  if (tool) {
    painting.cancel();
    editor.tool = tool;
  } else if (letter === "e") editor.marking = editor.marking === "keep" ? "generate" : "keep";
  else if (letter === "i") layer.invert();
  else if (key === "+" || key === "=") painting.zoomBy(ZOOM_STEP);
  else if (key === "-") painting.zoomBy(1 / ZOOM_STEP);
  else if (key === "0") painting.fit();
  else return false;
  return true;
}
