// OpenAI's client against the app on a socket, with a runner that has no GPU.
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import OpenAI, { toFile } from "openai";
import type { ImageEditParams, ImageGenerateParams, ImagesResponse } from "openai/resources/images";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { decodeImage } from "../../../src/image/decode.js";
import { encodeImage } from "../../../src/image/encode.js";
import { makeImage, removeAlpha, type Image, type RgbImage } from "../../../src/image/image.js";
import { resizeLanczos } from "../../../src/image/pillow-resize.js";
import { colourOf } from "../support/fake-runner.js";
import { TestServer } from "../support/test-server.js";

let server: TestServer;
let client: OpenAI;

beforeAll(async () => {
  server = await TestServer.start({ behaviour: { models: ["shapes", "other"] } });
  client = server.client();
});

afterAll(() => server.stop());

/** What this server adds to each image. */
interface Dalle2 {
  readonly seed: number;
  readonly nativeSize: string;
  readonly resampledFrom?: string;
  readonly parameters: { readonly script: string; readonly decoderSteps: readonly (number | null)[] };
}

function extensionOf(image: object | undefined): Dalle2 {
  return (image as { readonly dalle2: Dalle2 }).dalle2;
}

async function pixelsOf(base64: string | undefined): Promise<RgbImage> {
  return removeAlpha(await decodeImage(Buffer.from(base64 ?? "", "base64")));
}

/** An image of one colour. */
function plain(width: number, height: number, colour: readonly number[]): Image {
  const channels = colour.length === 4 ? 4 : 3;
  const data = Uint8Array.from({ length: width * height * channels }, (_, i) => colour[i % channels]!);
  return makeImage(width, height, channels, data);
}

/** A grey image whose left half is transparent. */
function halfErased(side: number): Image {
  const image = plain(side, side, [90, 90, 90, 255]);
  for (let pixel = 0; pixel < side * side; pixel++) if (pixel % side < side / 2) image.data[pixel * 4 + 3] = 0;
  return image;
}

async function file(image: Image, name = "image.png", format: "png" | "jpeg" | "webp" = "png") {
  return toFile(await encodeImage(image, { format }), name, { type: `image/${format}` });
}

/** The request of the last job. */
const lastRequest = () => server.runner.accepted.at(-1)!.request;

describe("models", () => {
  test("are listed, the default first", async () => {
    const { data } = await client.models.list();
    expect(data.map(({ id, object, owned_by }) => [id, object, owned_by])).toEqual([
      ["shapes", "model", "dalle2-webgpu"],
      ["other", "model", "dalle2-webgpu"],
    ]);
  });

  test("can be looked up by name", async () => {
    const model = await client.models.retrieve("other");
    expect(model).toMatchObject({ id: "other", dalle2: { isLoaded: false } });
    await expect(client.models.retrieve("a/b c")).rejects.toBeInstanceOf(OpenAI.NotFoundError);
  });
});

describe("images.generate", () => {
  test("answers with an image in base64 and by URL by default", async () => {
    const { data = [], created } = await client.images.generate({ prompt: "a red circle" });
    const [image] = data;
    expect(Math.abs(created - Date.now() / 1000)).toBeLessThan(60);
    const pixels = await pixelsOf(image?.b64_json);
    const { seed } = extensionOf(image);
    expect([...pixels.data.slice(0, 3)]).toEqual([...colourOf(`a red circle/${seed}`)]);
    const fetched = await fetch(image?.url ?? "");
    expect(fetched.headers.get("content-type")).toBe("image/png");
    expect(Buffer.from(await fetched.arrayBuffer()).toString("base64")).toBe(image?.b64_json);
    expect(server.runner.accepted.at(-1)).toMatchObject({ model: "shapes", owner: "local" });
  });

  test("answers in one of both forms if one is asked for", async () => {
    const base64 = await client.images.generate({ prompt: "x", response_format: "b64_json" });
    expect(Object.keys(base64.data![0]!).sort()).toEqual(["b64_json", "dalle2"]);
    const url = await client.images.generate({ prompt: "x", response_format: "url" });
    expect(Object.keys(url.data![0]!).sort()).toEqual(["dalle2", "url"]);
  });

  test("generates n images, each with the next seed", async () => {
    const params = { prompt: "x", n: 3, model: "other", dalle2: { seed: 7 } };
    const { data = [] } = await client.images.generate(params);
    expect(data.map((image) => extensionOf(image).seed)).toEqual([7, 8, 9]);
    expect(new Set(data.map(({ b64_json }) => b64_json)).size).toBe(3);
    expect(server.runner.accepted.at(-1)?.model).toBe("other");
  });

  test("passes our own settings on", async () => {
    const dalle2 = {
      seed: 1,
      steps: [5, null],
      condScale: [2, 1.5],
      sampler: "dpmpp2m",
      noiseLevel: 20,
      priorSteps: 4,
      priorCondScale: 3,
      priorSampler: "ddim",
      candidates: 2,
      negativePrompt: "text",
    };
    const params = { prompt: "x", dalle2 };
    await client.images.generate(params);
    expect(lastRequest().parameters).toMatchObject({
      task: "create",
      prompts: ["x"],
      negative: "text",
      seed: 1,
      prior: { steps: 4, condScale: 3, sampler: "ddim", candidates: 2 },
      unets: [
        { steps: 5, condScale: 2 },
        { steps: undefined, condScale: 1.5 },
      ],
      sampler: "dpmpp2m",
      noiseLevel: 20,
    });
    const ofAll = { prompt: "x", dalle2: { steps: 6 } };
    await client.images.generate(ofAll);
    expect(lastRequest().parameters).toMatchObject({ unets: [], decoder: { steps: 6 } });
  });

  test("resamples to other sizes with Pillow's LANCZOS, and says so", async () => {
    const { data: answer, response } = await client.images
      .generate({ prompt: "x", size: "48x24", response_format: "b64_json" })
      .withResponse();
    const pixels = await pixelsOf(answer.data?.[0]?.b64_json);
    expect([pixels.width, pixels.height]).toEqual([48, 24]);
    expect(extensionOf(answer.data?.[0])).toMatchObject({ nativeSize: "32x32", resampledFrom: "32x32" });
    expect(answer.size).toBe("48x24");
    expect(response.headers.get("x-dalle2-resampled-from")).toBe("32x32");
    const native = await client.images.generate({ prompt: "x", size: "32x32" });
    expect(extensionOf(native.data?.[0]).resampledFrom).toBeUndefined();
    const automatic = await client.images.generate({ prompt: "x", size: "auto" });
    expect(automatic.size).toBe("32x32");
  });

  test.each(["png", "jpeg", "webp"] as const)("writes %s", async (format) => {
    const params: ImageGenerateParams = { prompt: "x", output_format: format, response_format: "b64_json" };
    const { data, output_format } = (await client.images.generate(params)) as ImagesResponse;
    const bytes = Buffer.from(data?.[0]?.b64_json ?? "", "base64");
    const starts = { png: "\x89PNG", jpeg: "\xff\xd8\xff", webp: "RIFF" };
    expect(bytes.toString("latin1").startsWith(starts[format])).toBe(true);
    expect(output_format).toBe(format);
  });

  test("accepts null for every optional parameter, and what changes nothing", async () => {
    const nothing: ImageGenerateParams = {
      prompt: "x",
      background: null,
      model: null,
      moderation: null,
      n: null,
      output_compression: null,
      output_format: null,
      partial_images: null,
      quality: null,
      response_format: null,
      size: null,
      stream: null,
      style: null,
    };
    expect(((await client.images.generate(nothing)) as ImagesResponse).data).toHaveLength(1);
    const ignored: ImageGenerateParams = {
      prompt: "x",
      background: "opaque",
      moderation: "low",
      quality: "hd",
      style: "vivid",
      user: "somebody",
    };
    expect(((await client.images.generate(ignored)) as ImagesResponse).data).toHaveLength(1);
  });

  test("tells the caller what the job warns of", async () => {
    server.runner.behaviour.warnings = () => ["The prompt has unknown words."];
    const answer = await client.images.generate({ prompt: "x" });
    server.runner.behaviour.warnings = () => [];
    expect(answer).toMatchObject({ dalle2: { model: "shapes", warnings: ["The prompt has unknown words."] } });
  });
});

describe("images.createVariation", () => {
  test.each(["png", "jpeg", "webp"] as const)("takes a %s file", async (format) => {
    const params = { image: await file(plain(20, 10, [10, 20, 30]), `image.${format}`, format), n: 2 };
    const { data } = await client.images.createVariation(params);
    expect(data).toHaveLength(2);
    expect(lastRequest().parameters).toMatchObject({ task: "variations", count: 2 });
    expect(lastRequest().images[0]).toMatchObject({ width: 20, height: 10, channels: 3 });
  });

  test("takes a file that is streamed from the disk", async () => {
    const path = join(mkdtempSync(join(tmpdir(), "dalle2-upload-")), "image.png");
    writeFileSync(path, await encodeImage(plain(12, 12, [1, 2, 3])));
    const params = { image: createReadStream(path), n: 2, dalle2: { seed: 9 } };
    const { data } = await client.images.createVariation(params);
    expect(data?.map((image) => extensionOf(image).seed)).toEqual([9, 10]);
    expect(lastRequest().images[0]).toMatchObject({ width: 12, height: 12 });
    rmSync(dirname(path), { recursive: true });
  });

  test("takes our object as JSON and as fields of the form", async () => {
    const image = await file(plain(8, 8, [1, 2, 3]));
    const asFields = { image, dalle2: { seed: 5, steps: [3, 4], sampler: "ddim", negativePrompt: "7" } };
    await client.images.createVariation(asFields);
    const expected = { seed: 5, unets: [{ steps: 3 }, { steps: 4 }], sampler: "ddim", negative: "7" };
    expect(lastRequest().parameters).toMatchObject(expected);
    const asJson = { image, dalle2: JSON.stringify(asFields.dalle2) };
    await client.images.createVariation(asJson);
    expect(lastRequest().parameters).toMatchObject(expected);
  });
});

describe("images.edit", () => {
  test("generates what the mask erases and keeps the rest", async () => {
    const image = await file(plain(32, 32, [90, 90, 90]));
    const mask = await file(halfErased(32), "mask.png");
    const params = { image, mask, prompt: "x", n: 1, dalle2: { seed: 3, resampleTimes: 2 } };
    const { data } = await client.images.edit(params);
    expect(lastRequest().parameters).toMatchObject({ task: "inpaint", prompts: ["x"], resampleTimes: 2, seed: 3 });
    const { data: pixels } = await pixelsOf(data?.[0]?.b64_json);
    expect([...pixels.slice(0, 3)]).toEqual([...colourOf("x/3")]);
    expect([...pixels.slice(31 * 3, 32 * 3)]).toEqual([90, 90, 90]);
  });

  test("compresses jpeg more with less output_compression", async () => {
    const noisy = halfErased(32);
    for (let i = 0; i < noisy.data.length; i++) if (i % 4 !== 3) noisy.data[i] = (i * 7919) % 256;
    const params = { prompt: "x", output_format: "jpeg", dalle2: { seed: 1 } } as const;
    const sizes: number[] = [];
    for (const output_compression of [0, 50, 100]) {
      const { data } = await client.images.edit({ ...params, image: await file(noisy), output_compression });
      sizes.push(data![0]!.b64_json!.length);
    }
    expect(sizes).toEqual([...sizes].sort((a, b) => a - b));
    expect(new Set(sizes).size).toBe(3);
  });

  test("takes the image's own alpha if there is no mask, and lists of one image", async () => {
    await client.images.edit({ image: [await file(halfErased(16))], prompt: "x" });
    const { mask, images } = lastRequest();
    expect([...mask!.slice(0, 16)]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1]);
    expect(images[0]).toMatchObject({ width: 16, channels: 3 });
  });

  test("edits an opaque image by text, from weak to strong", async () => {
    const image = await file(plain(16, 16, [5, 5, 5]));
    const params = { image, prompt: "a blue circle", n: 2, dalle2: { from: "a red circle", strength: 0.3 } };
    const { data } = await client.images.edit(params);
    expect(data).toHaveLength(2);
    expect(lastRequest().parameters).toMatchObject({
      task: "edit",
      prompts: ["a red circle", "a blue circle"],
      strength: 0.3,
      frames: 2,
    });
  });

  test("reads a mask in the size of its image only", async () => {
    const params = { image: await file(plain(16, 16, [1, 1, 1])), mask: await file(halfErased(8)), prompt: "x" };
    await expect(client.images.edit(params)).rejects.toMatchObject({ status: 400, param: "mask" });
  });

  test.each<[string, Partial<ImageEditParams> | (() => Promise<object>), string]>([
    ["two images", async () => ({ image: [await file(halfErased(8)), await file(halfErased(8))] }), "image"],
    [
      "an image that is not square",
      async () => ({ image: await file({ ...halfErased(8), width: 4, height: 16 }) }),
      "image",
    ],
    ["nothing to generate", async () => ({ image: await file(plain(8, 8, [1, 2, 3])) }), "mask"],
    ["a mask without a hole", async () => ({ mask: await file(plain(8, 8, [1, 2, 3])) }), "mask"],
    ["what is no image", async () => ({ image: await toFile(Buffer.from("no image"), "image.png") }), "image"],
    [
      "a damaged image",
      async () => ({ image: await toFile((await encodeImage(halfErased(8))).slice(0, 60), "a.png") }),
      "image",
    ],
    ["a strength beside a mask", () => Promise.resolve({ dalle2: { strength: 0.5 } }), "dalle2.strength"],
    ["a transparent background", { background: "transparent" }, "background"],
  ])("refuses %s", async (_, change, param) => {
    const changed = typeof change === "function" ? await change() : change;
    const params = { image: await file(halfErased(8)), prompt: "x", ...changed } as ImageEditParams;
    await expect(client.images.edit(params)).rejects.toMatchObject({ status: 400, param });
  });
});

test("resampling equals that of the library", async () => {
  const edit = { image: await file(plain(32, 32, [90, 90, 90])), mask: await file(halfErased(32)), prompt: "x" };
  const sizes = { native: await client.images.edit({ ...edit }), small: undefined as ImagesResponse | undefined };
  const seed = extensionOf(sizes.native.data?.[0]).seed;
  const small = { ...edit, size: "20x20" as const, dalle2: { seed } };
  sizes.small = await client.images.edit(small);
  const native = await pixelsOf(sizes.native.data?.[0]?.b64_json);
  const resampled = await pixelsOf(sizes.small.data?.[0]?.b64_json);
  expect([...resampled.data]).toEqual([...resizeLanczos(native, 20, 20).data]);
});
