/**
 * Measures whether a picture of the Shapes model shows its prompt: ground colour, the colours of the shapes, and where
 * they are. Outlines are not judged. The language and its colours are those of weights-tools/python/shapes/shapes.py.
 */

type Rgb = readonly [number, number, number];
type Point = readonly [x: number, y: number];

const COLORS: Readonly<Record<string, Rgb>> = {
  red: [220, 40, 40],
  green: [40, 160, 60],
  blue: [40, 80, 220],
  yellow: [245, 215, 50],
  orange: [245, 140, 30],
  purple: [130, 50, 170],
  pink: [250, 140, 190],
  cyan: [60, 200, 220],
  white: [250, 250, 250],
  black: [20, 20, 20],
};

const GROUNDS: Readonly<Record<string, Rgb>> = {
  white: [250, 250, 250],
  black: [20, 20, 20],
  gray: [128, 128, 128],
  navy: [25, 35, 95],
  beige: [235, 220, 185],
  teal: [20, 110, 110],
};

/** Centres as fractions of the side. */
const PLACES: Readonly<Record<string, Point>> = {
  "at the center": [0.5, 0.5],
  "on the left": [0.28, 0.5],
  "on the right": [0.72, 0.5],
  "at the top": [0.5, 0.28],
  "at the bottom": [0.5, 0.72],
};

const RELATIONS: Readonly<Record<string, readonly [Point, Point]>> = {
  "to the left of": [
    [0.26, 0.5],
    [0.74, 0.5],
  ],
  "to the right of": [
    [0.74, 0.5],
    [0.26, 0.5],
  ],
  above: [
    [0.5, 0.26],
    [0.5, 0.74],
  ],
  below: [
    [0.5, 0.74],
    [0.5, 0.26],
  ],
};

interface Wanted {
  readonly ground: string | undefined;
  readonly objects: readonly { readonly color: string; readonly at: Point | undefined }[];
}

/** What a prompt of the Shapes language asks for. */
export function parsePrompt(prompt: string): Wanted {
  const ground = /on a (\w+) background$/.exec(prompt)?.[1];
  const scene = prompt.replace(/ on a \w+ background$/, "");
  for (const [relation, [first, second]] of Object.entries(RELATIONS)) {
    const [left, right] = scene.split(` ${relation} `);
    if (left && right) {
      return {
        ground,
        objects: [
          { color: colorIn(left), at: first },
          { color: colorIn(right), at: second },
        ],
      };
    }
  }
  const place = Object.keys(PLACES).find((name) => scene.endsWith(name));
  return { ground, objects: [{ color: colorIn(scene), at: place === undefined ? undefined : PLACES[place] }] };
}

function colorIn(text: string): string {
  const color = text.split(" ").find((word) => word in COLORS);
  if (color === undefined) throw new Error(`No colour in "${text}".`);
  return color;
}

/** Points that a picture earns out of those that its prompt can give: one for the ground and up to two per shape. */
export interface Score {
  readonly earned: number;
  readonly possible: number;
}

/** Fraction of the side that a shape's centre may be off. */
const PLACE_TOLERANCE = 0.12;

/** A shape of the right colour covers at least this fraction of the picture; a small one covers about 4 %. */
const LEAST_COVER = 0.008;

/** Scores a square RGB picture, bytes row by row. */
export function scorePicture(prompt: string, side: number, data: ArrayLike<number>): Score {
  const wanted = parsePrompt(prompt);
  const ground = borderColor(side, data);
  let earned = 0;
  let possible = 0;
  if (wanted.ground !== undefined) {
    possible++;
    if (nearest(ground, GROUNDS) === wanted.ground) earned++;
  }
  for (const { color, at } of wanted.objects) {
    const found = centreOf(color, ground, side, data, at);
    possible++;
    if (found) earned++;
    if (at) {
      possible++;
      if (found && Math.hypot(found[0] - at[0], found[1] - at[1]) <= PLACE_TOLERANCE) earned++;
    }
  }
  return { earned, possible };
}

/** Mean of the outermost pixels, which shapes rarely reach. */
function borderColor(side: number, data: ArrayLike<number>): Rgb {
  const channels: [number[], number[], number[]] = [[], [], []];
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      if (x > 0 && y > 0 && x < side - 1 && y < side - 1) continue;
      for (const c of [0, 1, 2] as const) channels[c].push(data[(y * side + x) * 3 + c]!);
    }
  }
  const [r, g, b] = channels.map((values) => values.sort((p, q) => p - q)[values.length >> 1]!);
  return [r!, g!, b!];
}

/**
 * Centre of the pixels that differ from the ground and are nearest to `color`, or nothing if they cover too little. Where
 * a place is asked for, only the half of the picture on its side counts, so that a second shape of like colour is not
 * averaged in.
 */
function centreOf(
  color: string,
  ground: Rgb,
  side: number,
  data: ArrayLike<number>,
  at: Point | undefined,
): Point | undefined {
  let count = 0;
  let sumX = 0;
  let sumY = 0;
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const point: Point = [(x + 0.5) / side, (y + 0.5) / side];
      if (at && !sameSide(point, at)) continue;
      const i = (y * side + x) * 3;
      const pixel: Rgb = [data[i]!, data[i + 1]!, data[i + 2]!];
      if (distance(pixel, ground) < 45 || nearest(pixel, COLORS) !== color) continue;
      count++;
      sumX += point[0];
      sumY += point[1];
    }
  }
  return count < LEAST_COVER * side * side ? undefined : [sumX / count, sumY / count];
}

function sameSide([x, y]: Point, [atX, atY]: Point): boolean {
  const fits = (value: number, wanted: number) => Math.abs(wanted - 0.5) < 0.1 || value > 0.5 === wanted > 0.5;
  return fits(x, atX) && fits(y, atY);
}

function nearest(pixel: Rgb, palette: Readonly<Record<string, Rgb>>): string {
  const [first] = Object.entries(palette).sort(([, a], [, b]) => distance(pixel, a) - distance(pixel, b));
  return first![0];
}

function distance(a: Rgb, b: Rgb): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

/** The score of many pictures as a fraction of all points that they can earn. */
export function totalScore(scores: readonly Score[]): number {
  const sum = (key: keyof Score) => scores.reduce((total, score) => total + score[key], 0);
  return sum("earned") / sum("possible");
}
