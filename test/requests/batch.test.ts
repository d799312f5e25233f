import { describe, expect, it } from "vitest";
import { makeImage } from "../../src/image/image.js";
import type { StageInfo } from "../../src/models/stage-info.js";
import { fitInpainting, fitMask } from "../../src/requests/fit-inpainting.js";
import { imageSizeOf } from "../../src/requests/request-canvas.js";
import type { ImageRequest, RequestParameters } from "../../src/requests/request.js";
import { batchKey, inputsOf } from "../../src/requests/run.js";

const image = (side: number, value = 0) => ({
  width: side,
  height: side,
  channels: 3 as const,
  data: new Uint8Array(3 * side * side).fill(value),
});

function request(own: Partial<RequestParameters> = {}, others: Partial<ImageRequest> = {}): ImageRequest {
  const parameters = { task: "create", prompts: ["a"], count: 1, seed: 7, prior: {}, unets: [], ...own } as const;
  return { parameters, images: [], ...others };
}

const isShared = (a: ImageRequest, b: ImageRequest): boolean =>
  batchKey(a) !== undefined && batchKey(a) === batchKey(b);

describe("requests", () => {
  it("share a batch if they differ only in what each image has of its own", () => {
    const others = [
      request({ prompts: ["b", "c"], count: 3, seed: 9 }),
      request({}, { imageNames: ["x.png"], batchSize: 2 }),
      request({ negative: "" }),
    ];
    for (const other of others) expect(isShared(request(), other)).toBe(true);
    const negative = [request({ negative: "n" }), request({ negative: "m" })] as const;
    expect(isShared(...negative)).toBe(true);
  });

  it.each<[string, Partial<RequestParameters>]>([
    ["task", { task: "variations" }],
    ["steps of the prior", { prior: { steps: 3 } }],
    ["guidance of the prior", { prior: { condScale: 3 } }],
    ["sampler of the prior", { prior: { sampler: "ddim" } }],
    ["candidates", { prior: { candidates: 3 } }],
    ["steps of a U-Net", { unets: [{}, { steps: 3 }] }],
    ["steps of all U-Nets", { decoder: { steps: 3 } }],
    ["guidance of all U-Nets", { decoder: { condScale: 3 } }],
    ["guidance of a U-Net", { unets: [{ condScale: 3 }, {}] }],
    ["sampler", { sampler: "ddim" }],
    ["noise on image embeddings", { noiseLevel: 20 }],
    ["negative prompt, where the other has none", { negative: "n" }],
    ["prompt, where the other has none", { prompts: [] }],
    ["resampling", { resampleTimes: 2 }],
    ["first U-Net", { startAtUnetNumber: 3 }],
    ["size", { size: 64 }],
  ])("with another %s do not share one", (_, own) => {
    expect(isShared(request(), request(own))).toBe(false);
  });

  it("share one for one size, however it is said", () => {
    const [square, both] = [request({ size: 64 }), request({ size: { width: 64, height: 64 } })];
    expect(isShared(square, both)).toBe(true);
    expect(isShared(both, request({ size: { width: 64, height: 32 } }))).toBe(false);
  });

  it("share one if their images have one size, where these are not resized", () => {
    const inpaint = (side: number) =>
      request({ task: "inpaint" }, { images: [image(side)], mask: new Uint8Array(side * side) });
    expect(isShared(inpaint(4), inpaint(4))).toBe(true);
    expect(isShared(inpaint(4), inpaint(8))).toBe(false);
    const others = (task: "upscale" | "variations", side: number) => request({ task }, { images: [image(side)] });
    expect(isShared(others("upscale", 4), others("upscale", 8))).toBe(false);
    expect(isShared(others("variations", 4), others("variations", 8))).toBe(true);
  });

  it("share one if both follow hints of one size, or none", () => {
    const [none, small, other, large] = [{}, { hint: image(4) }, { hint: image(4, 9) }, { hint: image(8) }].map((own) =>
      request({}, own),
    );
    expect(isShared(small!, other!)).toBe(true);
    expect(isShared(small!, large!)).toBe(false);
    expect(isShared(small!, none!)).toBe(false);
  });

  it("for a series run alone", () => {
    for (const task of ["interpolate", "edit"] as const) expect(batchKey(request({ task }))).toBeUndefined();
  });
});

it("each image has its prompt or image, and a seed of its own", () => {
  expect(inputsOf(request({ prompts: ["a", "b"], count: 2, negative: "n" }))).toEqual([
    { prompt: "a", negative: "n", seed: 7 },
    { prompt: "a", negative: "n", seed: 8 },
    { prompt: "b", negative: "n", seed: 9 },
    { prompt: "b", negative: "n", seed: 10 },
  ]);
  expect(inputsOf(request({ prompts: [], negative: "" }))).toEqual([{ prompt: "", seed: 7 }]);
  const images = [image(2, 1), image(2, 2)];
  expect(inputsOf(request({ task: "variations", prompts: ["c"] }, { images }))).toEqual([
    { prompt: "c", image: images[0], seed: 7 },
    { prompt: "c", image: images[1], seed: 8 },
  ]);
  const mask = new Uint8Array(4);
  expect(inputsOf(request({ task: "inpaint" }, { images: images.slice(1), mask }))).toEqual([
    { prompt: "a", image: images[1], mask, seed: 7 },
  ]);
});

/** A decoder of one U-Net. */
const decoder = (imageSize: number, own: Partial<StageInfo> = {}) => {
  const takes = { takesText: false, takesImageEmbed: true, textShape: undefined, imageEmbedDim: 8 };
  return { unets: [{ name: "U-Net 1", imageSize, ...takes, isTrained: true, components: [], ...own }] };
};

describe("inpainting", () => {
  it("gets a mask of the size of the model, with nothing kept of what is generated in part", () => {
    const mask = Uint8Array.from([0, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
    expect([...fitMask(mask, 4, 2)]).toEqual([0, 1, 1, 1]);
    expect([...fitMask(mask, 4, 4)]).toEqual([...mask]);
    expect([...fitMask(mask, 4, 3)]).toEqual([0, 0, 1, 0, 0, 1, 1, 1, 1]);
    const larger = [1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1];
    expect([...fitMask(Uint8Array.from([1, 0, 1, 1]), 2, 4)]).toEqual(larger);
    const wide = { width: 4, height: 2 };
    expect([...fitMask(Uint8Array.from([1, 1, 1, 0, 1, 1, 1, 1]), wide, { width: 2, height: 3 })]).toEqual([
      1, 0, 1, 0, 1, 1,
    ]);
  });

  it("gets an image of the size of the model; other requests stay as they are", async () => {
    const resize = (_: unknown, width: number) => Promise.resolve(image(width, 9));
    const inpaint = request({ task: "inpaint" }, { images: [image(4)], mask: new Uint8Array(16) });
    const fitted = await fitInpainting(inpaint, decoder(2), resize);
    expect([fitted.images[0], fitted.mask]).toEqual([image(2, 9), new Uint8Array(4)]);
    expect(await fitInpainting(inpaint, decoder(4), resize)).toBe(inpaint);
    expect(await fitInpainting(inpaint, undefined, resize)).toBe(inpaint);
    const wide = request(
      { task: "inpaint", size: { width: 4, height: 2 } },
      { images: [image(4)], mask: inpaint.mask },
    );
    const high = await fitInpainting(wide, decoder(8, { sizeUnit: 2 }), resize);
    expect([high.images[0]?.width, high.mask?.length]).toEqual([4, 8]);
    const variations = request({ task: "variations" }, { images: [image(4)] });
    expect(await fitInpainting(variations, decoder(2), resize)).toBe(variations);
  });

  it("keeps the size that its image got, where rounded proportions would be rounded again", async () => {
    const of = (width: number, height: number) => makeImage(width, height, 3, new Uint8Array(width * height * 3));
    const resize = (_: unknown, width: number, height: number) => Promise.resolve(of(width, height));
    const inpaint = request({ task: "inpaint" }, { images: [of(1136, 1000)], mask: new Uint8Array(1_136_000) });
    const many = decoder(512, { sizeUnit: 64 });
    const fitted = await fitInpainting(inpaint, many, resize);
    const size = { width: 576, height: 512 };
    expect(fitted.images[0]).toMatchObject(size);
    expect(imageSizeOf(many, fitted)).toEqual(size);
  });
});
