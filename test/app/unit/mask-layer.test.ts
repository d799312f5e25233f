import fc from "fast-check";
import { expect, test } from "vitest";
import { brushArea, lassoArea, rectangleArea } from "../../../web/src/mask/areas.js";
import { MaskLayer } from "../../../web/src/mask/mask-layer.svelte.js";

type Operation = (layer: MaskLayer) => void;

const point = fc.record({ x: fc.integer({ min: -4, max: 20 }), y: fc.integer({ min: -4, max: 20 }) });
const marking = fc.constantFrom("generate" as const, "keep" as const);
const mask = fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 16 * 12, maxLength: 16 * 12 });
const newLayer = mask.map((kept) => new MaskLayer(16, 12, Uint8Array.from(kept)));

const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.tuple(point, point, fc.integer({ min: 1, max: 6 }), marking).map(([from, to, radius, how]): Operation => {
    return (layer) => {
      layer.mark(brushArea(from, to, radius), how);
    };
  }),
  fc.tuple(point, point, marking).map(([from, to, how]): Operation => {
    return (layer) => {
      layer.mark(rectangleArea(from, to), how);
    };
  }),
  fc.tuple(fc.array(point, { minLength: 3, maxLength: 6 }), marking).map(([points, how]): Operation => {
    return (layer) => {
      layer.mark(lassoArea(points), how);
    };
  }),
  mask.map((kept): Operation => {
    return (layer) => {
      layer.replace(Uint8Array.from(kept));
    };
  }),
  fc.constantFrom<Operation>(
    (layer) => {
      layer.clear();
    },
    (layer) => {
      layer.fill();
    },
    (layer) => {
      layer.invert();
    },
  ),
);

function shareOf(layer: MaskLayer): number {
  return layer.kept.filter((value) => value === 0).length / layer.kept.length;
}

test("a new mask keeps everything", () => {
  const layer = new MaskLayer(3, 2);
  expect([...layer.kept]).toEqual([1, 1, 1, 1, 1, 1]);
  expect([layer.share, layer.canUndo, layer.canRedo]).toEqual([0, false, false]);
});

test("undo takes any steps back, and redo brings them back", () => {
  fc.assert(
    fc.property(newLayer, fc.array(operation, { minLength: 1, maxLength: 8 }), (layer, operations) => {
      const states = [[...layer.kept]];
      for (const run of operations) {
        run(layer);
        // A step that changes nothing is not one.
        if (layer.kept.some((value, i) => value !== states.at(-1)![i])) states.push([...layer.kept]);
        expect(layer.share).toBeCloseTo(shareOf(layer), 12);
      }
      for (const state of states.slice(0, -1).reverse()) {
        expect(layer.canUndo).toBe(true);
        layer.undo();
        expect([...layer.kept]).toEqual(state);
        expect(layer.share).toBeCloseTo(shareOf(layer), 12);
      }
      expect(layer.canUndo).toBe(false);
      layer.undo();
      expect([...layer.kept]).toEqual(states[0]);
      for (const state of states.slice(1)) {
        layer.redo();
        expect([...layer.kept]).toEqual(state);
      }
      expect(layer.canRedo).toBe(false);
    }),
  );
});

test("inverting twice changes nothing", () => {
  fc.assert(
    fc.property(newLayer, (layer) => {
      const before = [...layer.kept];
      layer.invert();
      expect([...layer.kept]).toEqual(before.map((value) => 1 - value));
      layer.invert();
      expect([...layer.kept]).toEqual(before);
    }),
  );
});

test("marking changes only pixels of the shape", () => {
  fc.assert(
    fc.property(newLayer, point, point, marking, (layer, from, to, how) => {
      const before = layer.kept.slice();
      layer.mark(brushArea(from, to, 3), how);
      const inside = new Set<number>();
      brushArea(
        from,
        to,
        3,
      )(layer, (y, start, end) => {
        for (let x = start; x < end; x++) inside.add(y * 16 + x);
      });
      for (const [i, value] of layer.kept.entries()) {
        expect(value).toBe(inside.has(i) ? Number(how === "keep") : before[i]);
      }
    }),
  );
});

test("the parts of a stroke are one step", () => {
  const layer = new MaskLayer(16, 16);
  layer.begin();
  layer.mark(brushArea({ x: 2, y: 2 }, { x: 8, y: 2 }, 2), "generate");
  layer.mark(brushArea({ x: 8, y: 2 }, { x: 8, y: 9 }, 2), "generate");
  layer.end();
  layer.undo();
  expect(layer.share).toBe(0);
  expect(layer.canUndo).toBe(false);
});

test("a step that is cancelled leaves no trace", () => {
  fc.assert(
    fc.property(newLayer, fc.array(operation, { maxLength: 4 }), (layer, operations) => {
      const before = [...layer.kept];
      layer.begin();
      for (const run of operations) run(layer);
      layer.cancel();
      expect([...layer.kept]).toEqual(before);
      expect(layer.share).toBeCloseTo(shareOf(layer), 12);
      expect(layer.canUndo).toBe(false);
    }),
  );
});

test("a new step ends what could be done again", () => {
  const layer = new MaskLayer(4, 4);
  layer.fill();
  layer.undo();
  expect(layer.canRedo).toBe(true);
  layer.mark(rectangleArea({ x: 0, y: 0 }, { x: 1, y: 1 }), "generate");
  expect(layer.canRedo).toBe(false);
});

test("fifty steps can be undone", () => {
  const layer = new MaskLayer(64, 1);
  for (let x = 0; x < 60; x++) layer.mark(rectangleArea({ x, y: 0 }, { x, y: 0 }), "generate");
  for (let i = 0; i < 60; i++) layer.undo();
  expect(layer.share).toBe(10 / 64);
});

test("what changed is told once, and grows until it is taken", () => {
  const layer = new MaskLayer(8, 8);
  expect(layer.takeChanges()).toEqual({ left: 0, top: 0, right: 8, bottom: 8 });
  expect(layer.takeChanges()).toBeUndefined();
  const { version } = layer;
  layer.mark(rectangleArea({ x: 1, y: 2 }, { x: 2, y: 2 }), "generate");
  layer.mark(rectangleArea({ x: 5, y: 4 }, { x: 5, y: 6 }), "generate");
  expect(layer.version).toBe(version + 2);
  expect(layer.takeChanges()).toEqual({ left: 1, top: 2, right: 6, bottom: 7 });
  layer.mark(rectangleArea({ x: 1, y: 2 }, { x: 2, y: 2 }), "generate");
  expect(layer.takeChanges()).toBeUndefined();
});

test("pixels outside count as kept", () => {
  const layer = new MaskLayer(2, 2);
  layer.fill();
  expect(layer.isKept(0, 0)).toBe(false);
  expect([layer.isKept(-1, 0), layer.isKept(0, 2), layer.isKept(2, 0)]).toEqual([true, true, true]);
});
