/**
 * Judges whether an image of the Shapes model shows its prompt: background, colours, position, size, the kind of shape by
 * its outline, and nothing else in the image. The measure is that of weights-tools/python/shapes/score.py.
 */
import {
  COLORS,
  GROUNDS,
  parsePrompt,
  PLACES,
  RELATIONS,
  SIZES,
  type Color,
  type Point,
  type Rgb,
  type Size,
  type Wanted,
} from "./shapes-language.js";
import { centreOf, centroid, covers, fitOutlines, type Mask, type Outline } from "./shapes-outline.js";

/** For each property: true if it is as the prompt says; undefined if the prompt leaves it open. */
export interface Judgement {
  readonly ground: boolean | undefined;
  readonly color: boolean;
  readonly place: boolean | undefined;
  readonly size: boolean | undefined;
  readonly kind: boolean;
  /** Nothing else is in the image, and its background is one of the six. */
  readonly clean: boolean;
}

/** Distance of colours (0 to 255 per channel) from which a pixel does not belong to the background. */
const OFF_GROUND = 60;
const NEAR_COLOR = 75;
const NEAR_GROUND = 40;
/** A shape of the right colour covers at least this fraction of the image. A small one covers about 4 %. */
const LEAST_COVER = 0.008;
const PLACE_TOLERANCE = 0.14;
/** Smallest distance of the centres of two objects in the direction of the prompt. */
const LEAST_APART = 0.2;
/** Small shapes cover less than this, large ones more. */
const SIZE_COVER = 0.08;
const LEAST_IOU = 0.7;
const EDGE_PIXELS = 1.6;
const MOST_STRAY = 0.01;

interface Blob {
  readonly centre: Point;
  /** Fraction of the image. */
  readonly cover: number;
}

class SquareImage {
  readonly ground: Rgb;

  constructor(
    readonly side: number,
    readonly data: ArrayLike<number>,
  ) {
    this.ground = this.#border();
  }

  get pixels(): number {
    return this.side * this.side;
  }

  at(pixel: number): Rgb {
    return [this.data[pixel * 3]!, this.data[pixel * 3 + 1]!, this.data[pixel * 3 + 2]!];
  }

  /** Distance of a pixel's colour from the background's. */
  offGround(pixel: number): number {
    return distance(this.at(pixel), this.ground);
  }

  /** The region of a colour; undefined if it covers too little. */
  blob(color: Color): Blob | undefined {
    const found = this.where((pixel) => {
      const value = this.at(pixel);
      return (
        distance(value, this.ground) >= OFF_GROUND &&
        nearest(value, COLORS) === color &&
        distance(value, COLORS[color]) < NEAR_COLOR
      );
    });
    const cover = found.length / this.pixels;
    return cover < LEAST_COVER ? undefined : { centre: centroid(found, this.side), cover };
  }

  where(test: (pixel: number) => boolean): number[] {
    return Array.from({ length: this.pixels }, (_, pixel) => pixel).filter(test);
  }

  /** Median of the outermost pixels, which shapes rarely reach. */
  #border(): Rgb {
    const last = this.side - 1;
    const border = this.where((pixel) => {
      const [x, y] = [pixel % this.side, Math.floor(pixel / this.side)];
      return x === 0 || y === 0 || x === last || y === last;
    });
    const median = (channel: 0 | 1 | 2): number =>
      border.map((pixel) => this.at(pixel)[channel]).sort((p, q) => p - q)[border.length >> 1]!;
    return [median(0), median(1), median(2)];
  }
}

/** Judges a square RGB image, bytes row by row. Throws if the prompt is not in the model's language. */
export function judge(prompt: string, side: number, data: ArrayLike<number>): Judgement {
  const wanted = parsePrompt(prompt);
  const image = new SquareImage(side, data);
  const ground = nearest(image.ground, GROUNDS);
  const blobs = wanted.objects.map(({ color }) => image.blob(color));
  const found = blobs.filter((blob) => blob !== undefined);
  const base = {
    ground: wanted.ground === undefined ? undefined : ground === wanted.ground,
    color: found.length === blobs.length,
    place: undefined,
    size: undefined,
  };
  if (!base.color) return { ...base, kind: false, clean: false };
  const outlines = objectMasks(image, wanted, found).map((mask) => fitOutlines(mask, side));
  const best = outlines.flatMap(([first]) => (first ? [first] : []));
  return {
    ...base,
    place: placeFits(wanted, found),
    size: sizeFits(wanted.objects[0].size, found[0]!, best[0]),
    kind: wanted.objects.every(({ kind }, i) => best[i]?.kind === kind && best[i].iou >= LEAST_IOU),
    clean: distance(image.ground, GROUNDS[ground]) < NEAR_GROUND && isClean(image, best),
  };
}

/** True if everything is as the prompt says. */
export function isRight(judgement: Judgement): boolean {
  return Object.values(judgement).every((property) => property !== false);
}

function placeFits({ place, relation }: Wanted, [first, second]: readonly Blob[]): boolean | undefined {
  if (relation) {
    const [dx, dy] = RELATIONS[relation];
    const [[x1, y1], [x2, y2]] = [first!.centre, second!.centre];
    return (x1 - x2) * dx + (y1 - y2) * dy > LEAST_APART;
  }
  if (!place) return undefined;
  const [[x, y], [atX, atY]] = [first!.centre, PLACES[place]];
  return Math.hypot(x - atX, y - atY) <= PLACE_TOLERANCE;
}

function sizeFits(size: Size | undefined, { cover }: Blob, outline: Outline | undefined): boolean | undefined {
  if (!size) return undefined;
  if (size === "small" && cover > SIZE_COVER) return false;
  if (size === "large" && cover < SIZE_COVER) return false;
  if (!outline) return false;
  const byRadius = Object.entries(SIZES).sort(([, a], [, b]) => Math.abs(a - outline.r) - Math.abs(b - outline.r));
  return byRadius[0]![0] === size;
}

/**
 * Each object's pixels: its colour is the nearest among the background and the wanted colours; of two objects, on its own
 * side.
 */
function objectMasks(image: SquareImage, { objects }: Wanted, blobs: readonly Blob[]): Mask[] {
  const names = ["first", "second"] as const;
  const colors = objects.map(({ color }, i) => [names[i]!, COLORS[color]] as const);
  const candidates: Record<string, Rgb> = { ground: image.ground, ...Object.fromEntries(colors) };
  const labels = image.where(() => true).map((pixel) => nearest(image.at(pixel), candidates));
  return objects.map((_, i) =>
    Uint8Array.from(labels, (label, pixel) => {
      const other = blobs[1 - i];
      // If its edge looks like the other object's colour, it still belongs to this object.
      if (!other) return label === names[i] ? 1 : 0;
      const at = centreOf(pixel, image.side);
      return label !== "ground" && apart(at, blobs[i]!.centre) < apart(at, other.centre) ? 1 : 0;
    }),
  );
}

function isClean(image: SquareImage, outlines: readonly Outline[]): boolean {
  const margin = EDGE_PIXELS / image.side;
  const stray = image.where(
    (pixel) => image.offGround(pixel) > OFF_GROUND && !outlines.some((one) => covers(one, pixel, image.side, margin)),
  );
  return stray.length < MOST_STRAY * image.pixels;
}

function nearest<Name extends string>(pixel: Rgb, palette: Readonly<Record<Name, Rgb>>): Name {
  let best: Name | undefined;
  let least = Infinity;
  for (const name in palette) {
    const away = distance(pixel, palette[name]);
    if (away < least) [best, least] = [name, away];
  }
  return best!;
}

function distance(a: Rgb, b: Rgb): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

function apart([x1, y1]: Point, [x2, y2]: Point): number {
  return Math.hypot(x1 - x2, y1 - y2);
}
