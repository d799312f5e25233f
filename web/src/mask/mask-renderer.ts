// Draws what will be generated over an image: hatched, with an outline, so that it is seen on any colours.
import type { Rect } from "./areas.js";
import type { MaskLayer } from "./mask-layer.svelte.js";
import type { View } from "./view.js";

/** Lengths in CSS pixels: of the dark outline with the light one in it, and of the stripes. */
const DARK_EDGE = 2.5;
const LIGHT_EDGE = 1.5;
const STRIPE = 12;
/** Light, dark and in between: the image can be seen through them. */
const STRIPE_COLOURS = [
  [0, 0.25, "rgb(255 255 255 / 85%)"],
  [0.25, 0.5, "rgb(0 0 0 / 75%)"],
  [0.5, 1, "rgb(128 128 128 / 20%)"],
] as const;

/** Directions in which a shape is moved to get its outline. */
const DIRECTIONS = Array.from(
  { length: 8 },
  (_, i) => [Math.cos((i * Math.PI) / 4), Math.sin((i * Math.PI) / 4)] as const,
);

type Context = CanvasRenderingContext2D;

/** Holds a mask as canvases, and draws it. */
export class MaskRenderer {
  readonly #layer: MaskLayer;
  /** In the size of the mask: opaque where pixels are generated. */
  readonly #dark: Context;
  readonly #light: Context;
  /** In the size of the frame. */
  readonly #hatched: Context;
  #pattern: { readonly ratio: number; readonly fill: CanvasPattern } | undefined;

  constructor(layer: MaskLayer) {
    this.#layer = layer;
    this.#dark = newContext(layer.width, layer.height);
    this.#light = newContext(layer.width, layer.height);
    this.#hatched = newContext(1, 1);
    this.update({ left: 0, top: 0, right: layer.width, bottom: layer.height });
  }

  /** Takes the pixels of a rectangle from the mask. */
  update(changed: Rect): void {
    const { left, top } = changed;
    const [columns, rows] = [changed.right - left, changed.bottom - top];
    const pixels = new ImageData(columns, rows);
    const words = new Uint32Array(pixels.data.buffer);
    for (const [context, colour] of [
      [this.#dark, 0xff000000],
      [this.#light, 0xffffffff],
    ] as const) {
      for (let y = 0; y < rows; y++) {
        const row = (top + y) * this.#layer.width + left;
        for (let x = 0; x < columns; x++) words[y * columns + x] = this.#layer.kept[row + x] === 1 ? 0 : colour;
      }
      context.putImageData(pixels, left, top);
    }
  }

  /** Draws a rectangle of the mask, or all of it. `ratio` is how many pixels of the canvas are one CSS pixel. */
  draw(context: Context, view: View, ratio: number, changed?: Rect): void {
    const { canvas } = context;
    const hatched = this.#hatched.canvas;
    if (hatched.width !== canvas.width || hatched.height !== canvas.height) {
      hatched.width = canvas.width;
      hatched.height = canvas.height;
    }
    const area = changed ? this.#areaOf(changed, view, ratio) : ([0, 0, canvas.width, canvas.height] as const);
    const place = (target: Context, mask: Context, dx = 0, dy = 0): void => {
      const { scale, left, top } = view;
      target.imageSmoothingEnabled = false;
      const [width, height] = [this.#layer.width * scale, this.#layer.height * scale];
      target.drawImage(mask.canvas, (left + dx) * ratio, (top + dy) * ratio, width * ratio, height * ratio);
    };
    within(this.#hatched, area, () => {
      place(this.#hatched, this.#dark);
      this.#hatched.globalCompositeOperation = "source-in";
      this.#hatched.fillStyle = this.#fill(ratio);
      this.#hatched.fillRect(...area);
    });
    within(context, area, () => {
      for (const [x, y] of DIRECTIONS) place(context, this.#dark, x * DARK_EDGE, y * DARK_EDGE);
      for (const [x, y] of DIRECTIONS) place(context, this.#light, x * LIGHT_EDGE, y * LIGHT_EDGE);
      context.globalCompositeOperation = "destination-out";
      place(context, this.#dark);
      context.globalCompositeOperation = "source-over";
      context.drawImage(hatched, 0, 0);
    });
  }

  /** Pixels of the canvas that a rectangle of the mask can change, with its outline. */
  #areaOf({ left, top, right, bottom }: Rect, view: View, ratio: number): readonly [number, number, number, number] {
    const edge = DARK_EDGE + 1;
    const x = Math.floor((left * view.scale + view.left - edge) * ratio);
    const y = Math.floor((top * view.scale + view.top - edge) * ratio);
    const endX = Math.ceil((right * view.scale + view.left + edge) * ratio);
    const endY = Math.ceil((bottom * view.scale + view.top + edge) * ratio);
    return [x, y, endX - x, endY - y];
  }

  #fill(ratio: number): CanvasPattern {
    if (this.#pattern?.ratio !== ratio) this.#pattern = { ratio, fill: stripes(ratio) };
    return this.#pattern.fill;
  }
}

/** Clears an area, and draws in it alone. */
function within(context: Context, area: readonly [number, number, number, number], draw: () => void): void {
  context.save();
  context.beginPath();
  context.rect(...area);
  context.clip();
  context.clearRect(...area);
  draw();
  context.restore();
}

/** Diagonal stripes. */
function stripes(ratio: number): CanvasPattern {
  const side = Math.round(STRIPE * ratio);
  const context = newContext(side, side);
  for (const [from, to, colour] of STRIPE_COLOURS) {
    context.fillStyle = colour;
    for (const shift of [-side, 0]) {
      const [start, end] = [from * side + shift, to * side + shift];
      context.beginPath();
      context.moveTo(start, 0);
      context.lineTo(end, 0);
      context.lineTo(end + side, side);
      context.lineTo(start + side, side);
      context.fill();
    }
  }
  return context.createPattern(context.canvas, "repeat")!;
}

function newContext(width: number, height: number): Context {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  return canvas.getContext("2d")!;
}
