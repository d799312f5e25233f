import fc from "fast-check";
import { expect, test } from "vitest";
import { makeImage } from "../../../src/image/image.js";
import { fitInpainting, fitMask } from "dalle2-webgpu/requests";
import { BRUSH_POSITIONS, brushAt, largestBrush, nextBrush, positionOf } from "../../../web/src/mask/brush.js";
import { LoadedFile } from "../../../web/src/mask/loaded-file.svelte.js";
import { MaskEditor } from "../../../web/src/mask/mask-editor.svelte.js";
import { likelyChannel, maskImage, readMask } from "../../../web/src/mask/mask-file.js";
import { hidePainter, showPainter } from "../../../web/src/mask/show-painter.js";
import { MaskLayer } from "../../../web/src/mask/mask-layer.svelte.js";
import { fittingView, panBy, reveal, toFrame, toImage, zoomAt, zoomOf } from "../../../web/src/mask/view.js";
import { sayCursor, sayMask, sayShare } from "../../../web/src/mask/words.js";

const side = fc.integer({ min: 1, max: 2000 });
const size = fc.record({ width: side, height: side });
const point = fc.record({ x: fc.integer({ min: 0, max: 2000 }), y: fc.integer({ min: 0, max: 2000 }) });

test("zooming keeps what is under the pointer where it is, unless the image would leave the frame", () => {
  const [image, frame] = [
    { width: 100, height: 100 },
    { width: 500, height: 400 },
  ];
  const zoomed = zoomAt(fittingView(image, frame), 4, { x: 250, y: 200 }, image, frame);
  const at = { x: 300, y: 150 };
  const before = toImage(zoomed, at);
  const after = toImage(zoomAt(zoomed, 1.5, at, image, frame), at);
  expect(after.x).toBeCloseTo(before.x, 9);
  expect(after.y).toBeCloseTo(before.y, 9);
});

test("the image never leaves the frame, whatever is done", () => {
  const factor = fc.double({ min: 0.1, max: 10, noNaN: true });
  fc.assert(
    fc.property(size, size, factor, point, point, (image, frame, by, at, to) => {
      let view = zoomAt(fittingView(image, frame), by, at, image, frame, to);
      view = panBy(view, to.x - at.x, to.y - at.y, image, frame);
      expect(zoomOf(view, image, frame)).toBeGreaterThan(1 - 1e-9);
      for (const [start, length, room] of [
        [view.left, image.width * view.scale, frame.width],
        [view.top, image.height * view.scale, frame.height],
      ] as const) {
        const isLarger = length > room + 1e-6;
        if (isLarger) expect(start).toBeLessThanOrEqual(1e-6);
        else expect(start).toBeCloseTo((room - length) / 2, 3);
        if (isLarger) expect(start + length).toBeGreaterThanOrEqual(room - 1e-6);
      }
    }),
  );
});

test("a point is brought into view", () => {
  const [image, frame] = [
    { width: 100, height: 100 },
    { width: 400, height: 400 },
  ];
  const view = reveal(
    zoomAt(fittingView(image, frame), 8, { x: 0, y: 0 }, image, frame),
    { x: 50, y: 60 },
    image,
    frame,
  );
  const { x, y } = toFrame(view, { x: 50, y: 60 });
  expect([x, y]).toEqual([376, 376]);
});

test("brushes grow and shrink by at least a pixel, within their limits", () => {
  fc.assert(
    fc.property(side, fc.integer({ min: 1, max: 1000 }), (of, any) => {
      const now = Math.min(any, largestBrush(of));
      const [more, less] = [nextBrush(now, 1, of), nextBrush(now, -1, of)];
      expect(more).toBe(now === largestBrush(of) ? now : Math.max(more, now + 1));
      expect(less).toBe(now === 1 ? 1 : Math.min(less, now - 1));
      expect([brushAt(0, of), brushAt(BRUSH_POSITIONS, of)]).toEqual([1, largestBrush(of)]);
      const position = positionOf(now, of);
      expect(position).toBeGreaterThanOrEqual(0);
      expect(position).toBeLessThanOrEqual(BRUSH_POSITIONS);
    }),
  );
});

const pixels = (length: number) => ({
  width: length,
  height: length,
  channels: 3 as const,
  data: new Uint8Array(length * length * 3),
});

test("each image has its mask, also after others; brushes fit images of any size", () => {
  const editor = new MaskEditor();
  const [one, two] = [
    { id: "one", pixels: pixels(8) },
    { id: "two", pixels: pixels(8) },
  ];
  editor.layerOf(one).fill();
  expect(editor.layerOf(two).share).toBe(0);
  expect(editor.layerOf(one).share).toBe(1);
  expect(editor.earlierMask(two)).toBe(editor.layerOf(one));
  expect(editor.earlierMask({ id: "three", pixels: pixels(4) })).toBeUndefined();
  expect(editor.earlierMask(one)).toBeUndefined();
  for (let i = 0; i < 20; i++) editor.layerOf({ id: `other ${i}`, pixels: pixels(8) });
  expect(editor.layerOf(one).share).toBe(0);
  expect([editor.brushSize(1024), editor.brushSize(64), editor.brushSize(2)]).toEqual([128, 8, 1]);
});

test("the painter stands in front of what was shown before", () => {
  const app: Parameters<typeof showPainter>[0] = { mask: new MaskEditor(), shown: { kind: "image", id: "a" } };
  showPainter(app);
  showPainter(app);
  expect(app.shown).toEqual({ kind: "mask" });
  hidePainter(app);
  expect(app.shown).toEqual({ kind: "image", id: "a" });
  hidePainter(app);
  expect(app.shown).toEqual({ kind: "image", id: "a" });
});

test("a mask that is saved and loaded is the same", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 36, maxLength: 36 }), (values) => {
      const layer = new MaskLayer(6, 6, Uint8Array.from(values));
      const read = readMask(maskImage(layer), "red", layer, { width: 60, height: 60 });
      expect([...read]).toEqual(values);
    }),
  );
});

test("a mask of the whole image is cropped as the image was; one of the square is not", () => {
  const square = { width: 2, height: 2 };
  const whole = { width: 8, height: 4 };
  const ofWhole = { width: 4, height: 2, channels: 3 as const, data: new Uint8Array(24) };
  // White in the second and third column: those of the square.
  for (const pixel of [1, 2, 5, 6]) ofWhole.data.fill(255, pixel * 3, pixel * 3 + 3);
  expect([...readMask(ofWhole, "red", square, whole)]).toEqual([1, 1, 1, 1]);
  const ofSquare = { width: 4, height: 4, channels: 3 as const, data: new Uint8Array(48) };
  ofSquare.data.fill(255, 0, 24);
  expect([...readMask(ofSquare, "red", square, whole)]).toEqual([1, 1, 0, 0]);
});

test("the channel of a mask is what varies, transparency first", () => {
  const image = (...values: [number, number, number, number][]) => ({
    width: values.length,
    height: 1,
    channels: 4 as const,
    data: Uint8Array.from(values.flat()),
  });
  expect(likelyChannel(image([255, 0, 0, 0], [0, 0, 0, 255]))).toBe("alpha");
  expect(likelyChannel(image([255, 255, 255, 255], [0, 0, 0, 255]))).toBe("red");
  expect(likelyChannel(image([0, 255, 0, 255], [0, 0, 0, 255]))).toBe("luma");
  expect(likelyChannel(image([0, 0, 0, 255], [0, 0, 0, 255]))).toBe("red");
});

test("a smaller mask keeps a pixel only if all of it is kept", () => {
  const mask = Uint8Array.from([1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
  expect([...fitMask(mask, 4, 2)]).toEqual([0, 1, 1, 1]);
  expect([...fitMask(mask, 4, 4)]).toEqual([...mask]);
  // Of 3 × 3 parts, the marked pixel overlaps four.
  expect([...fitMask(mask, 4, 3)]).toEqual([0, 0, 1, 0, 0, 1, 1, 1, 1]);
  expect([...fitMask(Uint8Array.from([1, 0, 1, 1]), 2, 4)]).toEqual([1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1]);
});

test("inpainting has the size of the model; other requests are left alone", async () => {
  const resize = (_: unknown, width: number) => Promise.resolve(pixels(width));
  const parameters = { task: "inpaint" as const, prompts: ["a"], count: 1, seed: 1, prior: {}, unets: [] };
  const request = { parameters, images: [pixels(4)], mask: new Uint8Array(16) };
  const takes = { takesText: false, takesImageEmbed: true, textShape: undefined, imageEmbedDim: 8 };
  const decoder = (imageSize: number) => ({
    unets: [{ name: "U-Net 1", imageSize, ...takes, isTrained: true, components: [] }],
  });
  const fitted = await fitInpainting(request, decoder(2), resize);
  expect([fitted.images[0]!.width, fitted.mask!.length]).toEqual([2, 4]);
  expect(await fitInpainting(request, decoder(4), resize)).toBe(request);
  const other = { ...request, parameters: { ...parameters, task: "upscale" as const } };
  expect(await fitInpainting(other, decoder(2), resize)).toBe(other);
});

test("what is said of masks", () => {
  expect([0, 0.004, 0.126, 0.995, 1].map(sayShare)).toEqual([
    "0 %",
    "less than 1 %",
    "13 %",
    "more than 99 %",
    "100 %",
  ]);
  expect(sayMask({ share: 0.004 })).toBe("Less than 1 % of the image will be generated. The rest is kept.");
  expect(sayMask({ share: 1 })).toContain("nothing of it will be kept");
  const layer = new MaskLayer(4, 2);
  layer.fill();
  expect(sayCursor({ x: 0.5, y: 1.5 }, layer)).toBe("Column 1 of 4, row 2 of 2: marked.");
});

test("a mask file belongs to the mask that it was loaded into, and is read once and when its channel changes", () => {
  const editor = new MaskEditor();
  const [first, second] = [new MaskLayer(2, 2), new MaskLayer(2, 2)];
  // Opaque everywhere; black on the left, red on the right.
  const pixels = [0, 0, 0, 255, 255, 0, 0, 255];
  const image = makeImage(2, 2, 4, new Uint8Array([...pixels, ...pixels]));
  editor.loaded = new LoadedFile("mask.png", image, first, { width: 2, height: 2 });
  expect([...first.kept]).toEqual([0, 1, 0, 1]);
  first.clear();
  expect(editor.loadedInto(first)?.name).toBe("mask.png");
  expect(editor.loadedInto(second)).toBeUndefined();
  expect([first.share, second.share]).toEqual([0, 0]);
  editor.loaded.channel = "luma";
  expect([...first.kept]).toEqual([0, 0, 0, 0]);
});
