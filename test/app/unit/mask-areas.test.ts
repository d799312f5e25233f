import fc from "fast-check";
import { expect, test } from "vitest";
import {
  brushArea,
  lassoArea,
  rectangleArea,
  squareCorner,
  wholeArea,
  type Area,
  type Point,
  type Size,
} from "../../../web/src/mask/areas.js";

const size = fc.record({ width: fc.integer({ min: 1, max: 24 }), height: fc.integer({ min: 1, max: 24 }) });
const coordinate = fc.double({ min: -12, max: 36, noNaN: true });
const point = fc.record({ x: coordinate, y: coordinate });
const radius = fc.double({ min: 0.5, max: 12, noNaN: true });

/** The pixels of a shape; fails if one lies outside the image. */
function pixelsOf(area: Area, image: Size): Set<number> {
  const pixels = new Set<number>();
  area(image, (y, start, end) => {
    expect(y).toBeGreaterThanOrEqual(0);
    expect(y).toBeLessThan(image.height);
    expect(start).toBeGreaterThanOrEqual(0);
    expect(end).toBeLessThanOrEqual(image.width);
    for (let x = start; x < end; x++) pixels.add(y * image.width + x);
  });
  return pixels;
}

function distance(p: Point, a: Point, b: Point): number {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const square = dx * dx + dy * dy;
  const t = square === 0 ? 0 : Math.min(Math.max(((p.x - a.x) * dx + (p.y - a.y) * dy) / square, 0), 1);
  return Math.hypot(p.x - a.x - t * dx, p.y - a.y - t * dy);
}

/** Checks each pixel, but not those whose centre is so near the border that rounding decides. */
function expectPixels(area: Area, image: Size, depthOf: (centre: Point) => number): void {
  const pixels = pixelsOf(area, image);
  for (let y = 0; y < image.height; y++) {
    for (let x = 0; x < image.width; x++) {
      const depth = depthOf({ x: x + 0.5, y: y + 0.5 });
      if (Math.abs(depth) < 1e-6) continue;
      expect(pixels.has(y * image.width + x), `pixel ${x}, ${y} at depth ${depth}`).toBe(depth > 0);
    }
  }
}

test("a brush covers the pixels within its radius of the way, and nothing outside the image", () => {
  fc.assert(
    fc.property(size, point, point, radius, (image, from, to, r) => {
      fc.pre(r >= 1);
      expectPixels(brushArea(from, to, r), image, (centre) => r - distance(centre, from, to));
    }),
  );
});

test("the smallest brush covers a connected line of pixels", () => {
  const inside = fc.record({
    x: fc.double({ min: 0, max: 15.99, noNaN: true }),
    y: fc.double({ min: 0, max: 15.99, noNaN: true }),
  });
  fc.assert(
    fc.property(inside, inside, (from, to) => {
      const pixels = pixelsOf(brushArea(from, to, 0.5), { width: 16, height: 16 });
      const pixelOf = ({ x, y }: Point): number => Math.floor(y) * 16 + Math.floor(x);
      const reached = new Set([pixelOf(from)]);
      for (const pixel of reached) {
        for (const step of [-17, -16, -15, -1, 1, 15, 16, 17]) {
          const isNear = Math.abs((pixel % 16) - ((pixel + step) % 16)) <= 1;
          if (isNear && pixels.has(pixel + step)) reached.add(pixel + step);
        }
      }
      expect(reached).toEqual(pixels);
      expect(pixels.has(pixelOf(to))).toBe(true);
    }),
  );
});

test("a rectangle has the pixels of both corners and those between", () => {
  fc.assert(
    fc.property(size, point, point, (image, from, to) => {
      const isBetween = (value: number, a: number, b: number): boolean =>
        value >= Math.floor(Math.min(a, b)) && value < Math.floor(Math.max(a, b)) + 1;
      expectPixels(rectangleArea(from, to), image, ({ x, y }) =>
        isBetween(x, from.x, to.x) && isBetween(y, from.y, to.y) ? 1 : -1,
      );
    }),
  );
});

test("a lasso has the pixels that its line goes around", () => {
  fc.assert(
    fc.property(size, fc.array(point, { minLength: 1, maxLength: 9 }), (image, points) => {
      expectPixels(lassoArea(points), image, (centre) => {
        const sides = points.map((from, i) => [from, points[(i + 1) % points.length]!] as const);
        const nearest = Math.min(...sides.map(([from, to]) => distance(centre, from, to)));
        const angles = sides.map(([from, to]) => {
          const [a, b] = [from, to].map(({ x, y }) => ({ x: x - centre.x, y: y - centre.y })) as [Point, Point];
          return Math.atan2(a.x * b.y - a.y * b.x, a.x * b.x + a.y * b.y);
        });
        const turns = Math.round(angles.reduce((sum, angle) => sum + angle, 0) / (2 * Math.PI));
        return turns === 0 ? -nearest : nearest;
      });
    }),
  );
});

test("the whole area has each pixel", () => {
  fc.assert(
    fc.property(size, (image) => {
      expect(pixelsOf(wholeArea, image).size).toBe(image.width * image.height);
    }),
  );
});

test("the corner of a square keeps its direction", () => {
  expect(squareCorner({ x: 10, y: 10 }, { x: 13, y: 8 })).toEqual({ x: 13, y: 7 });
  expect(squareCorner({ x: 10, y: 10 }, { x: 9, y: 15 })).toEqual({ x: 5, y: 15 });
});
