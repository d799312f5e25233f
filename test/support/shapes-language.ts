/** The language of the Shapes model and the shapes of its scenes: weights-tools/python/shapes/shapes.py, in TypeScript. */

export type Rgb = readonly [number, number, number];
export type Point = readonly [x: number, y: number];

export const COLORS = {
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
} as const satisfies Record<string, Rgb>;
export type Color = keyof typeof COLORS;

export const GROUNDS = {
  white: [250, 250, 250],
  black: [20, 20, 20],
  gray: [128, 128, 128],
  navy: [25, 35, 95],
  beige: [235, 220, 185],
  teal: [20, 110, 110],
} as const satisfies Record<string, Rgb>;
export type Ground = keyof typeof GROUNDS;

export const KINDS = ["circle", "square", "triangle", "diamond", "ring", "cross"] as const;
export type Kind = (typeof KINDS)[number];

/** Radii as fractions of the side. */
export const SIZES = { small: 0.13, medium: 0.2, large: 0.29 } as const;
export type Size = keyof typeof SIZES;

/** Centres as fractions of the side. */
export const PLACES = {
  "at the center": [0.5, 0.5],
  "on the left": [0.28, 0.5],
  "on the right": [0.72, 0.5],
  "at the top": [0.5, 0.28],
  "at the bottom": [0.5, 0.72],
} as const satisfies Record<string, Point>;
export type Place = keyof typeof PLACES;

/** Position of the first of two objects, seen from the second. */
export const RELATIONS = {
  "to the left of": [-1, 0],
  "to the right of": [1, 0],
  above: [0, -1],
  below: [0, 1],
} as const satisfies Record<string, Point>;
export type Relation = keyof typeof RELATIONS;

export interface WantedObject {
  readonly color: Color;
  readonly kind: Kind;
  readonly size?: Size;
}

/** The content of a prompt. What it leaves open is undefined. */
export interface Wanted {
  readonly ground: Ground | undefined;
  readonly objects: readonly [WantedObject] | readonly [WantedObject, WantedObject];
  /** For a single object. */
  readonly place: Place | undefined;
  /** For two objects. */
  readonly relation: Relation | undefined;
}

const anyOf = (words: object): string => Object.keys(words).join("|");
const OBJECT = `(?:a )?(?:(${anyOf(SIZES)}) )?(${anyOf(COLORS)}) (${KINDS.join("|")})`;
const PROMPT = new RegExp(
  `^${OBJECT}(?: (${anyOf(PLACES)})| (${anyOf(RELATIONS)}) ${OBJECT})?(?: on a (${anyOf(GROUNDS)}) background)?$`,
);

/** Throws for text that is not a sentence of the language. */
export function parsePrompt(prompt: string): Wanted {
  const match = PROMPT.exec(prompt);
  if (!match) throw new Error(`"${prompt}" is not in the language of the Shapes model.`);
  const [, size, color, kind, place, relation, secondSize, secondColor, secondKind, ground] = match;
  const first = wantedObject(size, color, kind);
  return {
    ground: ground as Ground | undefined,
    objects: relation === undefined ? [first] : [first, wantedObject(secondSize, secondColor, secondKind)],
    place: place as Place | undefined,
    relation: relation as Relation | undefined,
  };
}

function wantedObject(size: string | undefined, color: string | undefined, kind: string | undefined): WantedObject {
  const object = { color: color as Color, kind: kind as Kind };
  return size === undefined ? object : { ...object, size: size as Size };
}

/** Distance of a point, relative to a shape's centre, from the outline of the shape with radius `r`: negative inside. */
export function signedDistance(kind: Kind, x: number, y: number, r: number): number {
  const [a, b] = [Math.abs(x), Math.abs(y)];
  switch (kind) {
    case "circle":
      return Math.hypot(x, y) - r;
    case "square":
      return Math.max(a, b) - 0.88 * r;
    case "triangle":
      return Math.max(a * 0.894 - (y + r) * 0.447, y - 0.85 * r);
    case "diamond":
      return (a + b - 1.2 * r) * 0.7071;
    case "ring":
      return Math.abs(Math.hypot(x, y) - 0.78 * r) - 0.26 * r;
    case "cross":
      return Math.min(Math.max(a - r, b - 0.34 * r), Math.max(b - r, a - 0.34 * r));
  }
}
