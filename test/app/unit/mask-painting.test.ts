import { expect, test } from "vitest";
import { MaskEditor } from "../../../web/src/mask/mask-editor.svelte.js";
import { MaskLayer } from "../../../web/src/mask/mask-layer.svelte.js";
import { pressHistoryKey, pressKey, releaseKey, type Key } from "../../../web/src/mask/painting-keys.js";
import { Painting, type PointerAt } from "../../../web/src/mask/painting.svelte.js";

/** A mask of 64 × 64 pixels in a frame of 640 × 640: ten for each. */
function newPainting(): Painting {
  const painting = new Painting(new MaskEditor(), new MaskLayer(64, 64));
  painting.resize({ width: 640, height: 640 });
  painting.editor.setBrushSize(4, 64);
  return painting;
}

function mouse(x: number, y: number, isShift = false): PointerAt {
  return { id: 1, x, y, isTouch: false, isShift };
}

function finger(id: number, x: number, y: number): PointerAt {
  return { id, x, y, isTouch: true, isShift: false };
}

function key(name: string, held: Partial<Key> = {}): Key {
  return { key: name, shiftKey: false, ctrlKey: false, metaKey: false, altKey: false, repeat: false, ...held };
}

function tap(painting: Painting, name: string): void {
  pressKey(painting, key(name));
  releaseKey(painting, key(name));
}

test("a stroke follows all places of the pointer, and is one step", () => {
  const painting = newPainting();
  const { layer } = painting;
  painting.down(mouse(100, 100));
  painting.move([mouse(200, 100), mouse(200, 300)]);
  painting.move([mouse(400, 300)]);
  painting.up(mouse(400, 300));
  for (const [x, y] of [
    [10, 10],
    [20, 10],
    [20, 20],
    [20, 30],
    [40, 30],
  ] as const) {
    expect(layer.isKept(x, y), `${x}, ${y}`).toBe(false);
  }
  // The corner is not cut.
  expect(layer.isKept(30, 20)).toBe(true);
  layer.undo();
  expect(layer.share).toBe(0);
});

test("a pointer that is not down only moves the brush", () => {
  const painting = newPainting();
  painting.move([mouse(320, 160)]);
  expect(painting.cursor).toEqual({ x: 32, y: 16 });
  expect(painting.layer.share).toBe(0);
});

test("the eraser keeps again what was marked", () => {
  const painting = newPainting();
  painting.layer.fill();
  painting.editor.marking = "keep";
  painting.down(mouse(320, 320));
  painting.up(mouse(320, 320));
  expect(painting.layer.isKept(32, 32)).toBe(true);
  expect(painting.layer.isKept(40, 32)).toBe(false);
});

test("with Shift the stroke is a straight line from where it began to where the pointer is", () => {
  const painting = newPainting();
  painting.down(mouse(100, 100, true));
  painting.move([mouse(100, 500, true), mouse(500, 500, true)]);
  painting.up(mouse(500, 500, true));
  expect(painting.layer.isKept(30, 30)).toBe(false);
  expect(painting.layer.isKept(10, 40)).toBe(true);
  painting.layer.undo();
  expect(painting.layer.share).toBe(0);
});

test("a click with Shift joins the end of the last stroke", () => {
  const painting = newPainting();
  painting.down(mouse(100, 100));
  painting.up(mouse(100, 100));
  painting.down(mouse(500, 100, true));
  painting.up(mouse(500, 100, true));
  expect(painting.layer.isKept(30, 10)).toBe(false);
});

test("two fingers zoom and move, and do not paint", () => {
  const painting = newPainting();
  painting.down(finger(1, 300, 320));
  painting.move([finger(1, 302, 320)]);
  expect(painting.layer.share).toBeGreaterThan(0);
  painting.down(finger(2, 340, 320));
  expect(painting.layer.share).toBe(0);
  painting.move([finger(1, 220, 320)]);
  painting.move([finger(2, 420, 320)]);
  expect(painting.zoom).toBeCloseTo(200 / 38, 1);
  painting.up(finger(2, 420, 320));
  // The other finger is still down: it does not paint either.
  painting.move([finger(1, 100, 100)]);
  painting.up(finger(1, 100, 100));
  expect([painting.layer.share, painting.layer.canUndo]).toEqual([0, false]);
  painting.down(finger(3, 100, 100));
  painting.up(finger(3, 100, 100));
  expect(painting.layer.share).toBeGreaterThan(0);
});

test("a pointer that is taken away leaves nothing of its stroke", () => {
  const painting = newPainting();
  painting.down(finger(1, 300, 320));
  painting.release(1);
  expect([painting.layer.share, painting.layer.canUndo]).toEqual([0, false]);
});

test("rectangles and lassos are marked when the pointer is up; clicks are not shapes", () => {
  const painting = newPainting();
  painting.editor.tool = "rectangle";
  painting.down(mouse(105, 105));
  painting.move([mouse(195, 145)]);
  expect([painting.outline.length, painting.layer.share]).toEqual([2, 0]);
  painting.up(mouse(195, 145));
  expect(painting.layer.share).toBe((10 * 5) / 64 ** 2);
  expect(painting.outline).toEqual([]);
  painting.editor.tool = "lasso";
  painting.layer.clear();
  painting.down(mouse(100, 100));
  painting.move([mouse(300, 100), mouse(300, 300), mouse(100, 300)]);
  painting.up(mouse(100, 300));
  expect(painting.layer.share).toBe((20 * 20) / 64 ** 2);
  painting.down(mouse(500, 500));
  painting.up(mouse(501, 500));
  expect(painting.layer.share).toBe((20 * 20) / 64 ** 2);
});

test("the hand and the middle button move the enlarged image", () => {
  const painting = newPainting();
  painting.zoomBy(2);
  const { left } = painting.view;
  painting.editor.tool = "move";
  painting.down(mouse(300, 300));
  painting.move([mouse(340, 300)]);
  painting.up(mouse(340, 300));
  painting.editor.tool = "brush";
  painting.down(mouse(300, 300), true);
  painting.move([mouse(310, 300)]);
  painting.up(mouse(310, 300));
  expect(painting.view.left).toBe(left + 50);
  expect(painting.layer.share).toBe(0);
});

test("another size of the frame keeps the enlargement", () => {
  const painting = newPainting();
  painting.zoomBy(3);
  painting.resize({ width: 320, height: 500 });
  expect(painting.zoom).toBeCloseTo(3, 9);
});

test("by keys alone: arrows move, Space and Enter paint while they are held", () => {
  const painting = newPainting();
  pressKey(painting, key("ArrowRight"));
  expect(painting.cursor).toEqual({ x: 33, y: 32 });
  pressKey(painting, key("ArrowUp", { shiftKey: true }));
  expect(painting.cursor).toEqual({ x: 33, y: 24 });
  expect(painting.layer.share).toBe(0);
  pressKey(painting, key(" "));
  pressKey(painting, key(" ", { repeat: true }));
  pressKey(painting, key("ArrowRight", { shiftKey: true }));
  releaseKey(painting, key(" "));
  pressKey(painting, key("ArrowRight", { shiftKey: true }));
  expect([painting.layer.isKept(33, 24), painting.layer.isKept(40, 24)]).toEqual([false, false]);
  expect(painting.layer.isKept(48, 24)).toBe(true);
  tap(painting, "Enter");
  expect(painting.layer.isKept(48, 24)).toBe(false);
  pressHistoryKey(painting, key("z", { ctrlKey: true }));
  pressHistoryKey(painting, key("z", { metaKey: true }));
  expect(painting.layer.share).toBe(0);
  pressHistoryKey(painting, key("Z", { ctrlKey: true, shiftKey: true }));
  expect(painting.layer.share).toBeGreaterThan(0);
});

test("the cursor of the keyboard stays in the image and in view", () => {
  const painting = newPainting();
  painting.zoomBy(4);
  for (let i = 0; i < 200; i++) pressKey(painting, key("ArrowLeft"));
  expect(painting.cursor).toEqual({ x: 0.5, y: 32 });
  expect(painting.view.left).toBe(0);
});

test("by keys alone: corners of rectangles and lassos", () => {
  const painting = newPainting();
  pressKey(painting, key("r"));
  tap(painting, " ");
  pressKey(painting, key("ArrowRight", { shiftKey: true }));
  pressKey(painting, key("ArrowDown", { shiftKey: true }));
  expect(painting.layer.share).toBe(0);
  tap(painting, " ");
  expect(painting.layer.share).toBe((9 * 9) / 64 ** 2);
  painting.layer.clear();
  pressKey(painting, key("l"));
  tap(painting, " ");
  pressKey(painting, key("ArrowRight", { shiftKey: true }));
  tap(painting, " ");
  pressKey(painting, key("ArrowDown", { shiftKey: true }));
  tap(painting, "Enter");
  expect(painting.layer.share).toBeGreaterThan(0);
  expect(painting.outline).toEqual([]);
});

test("Escape takes back what is in hand, and is left to the page if nothing is", () => {
  const painting = newPainting();
  painting.editor.tool = "rectangle";
  tap(painting, " ");
  expect(pressKey(painting, key("Escape"))).toBe(true);
  expect(painting.outline).toEqual([]);
  expect(pressKey(painting, key("Escape"))).toBe(false);
});

test("keys choose tools and sizes; others are left to the page", () => {
  const painting = newPainting();
  const { editor } = painting;
  for (const [name, tool] of [
    ["r", "rectangle"],
    ["l", "lasso"],
    ["h", "move"],
    ["b", "brush"],
  ] as const) {
    expect(pressKey(painting, key(name))).toBe(true);
    expect(editor.tool).toBe(tool);
  }
  pressKey(painting, key("e"));
  expect(editor.marking).toBe("keep");
  pressKey(painting, key("]"));
  expect(editor.brushSize(64)).toBe(5);
  pressKey(painting, key("["));
  expect(editor.brushSize(64)).toBe(4);
  pressKey(painting, key("+"));
  expect(painting.zoom).toBeCloseTo(1.5, 9);
  pressKey(painting, key("0"));
  expect(painting.zoom).toBe(1);
  expect(pressKey(painting, key("v"))).toBe(false);
  expect(pressKey(painting, key("r", { ctrlKey: true }))).toBe(false);
});

test("a stroke of the keyboard ends where it was if the pointer has left the frame", () => {
  const painting = newPainting();
  pressKey(painting, key(" "));
  painting.cursor = undefined;
  releaseKey(painting, key(" "));
  expect(painting.layer.isChanging).toBe(false);
  expect(painting.layer.isKept(32, 32)).toBe(false);
  painting.move([mouse(100, 100)]);
  expect(painting.layer.isKept(10, 10)).toBe(true);
});
