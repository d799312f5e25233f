import { describe, expect, it } from "vitest";
import { ConfigError } from "../../../../src/config/config-error.js";
import { makeImage } from "../../../../src/image/image.js";
import { ArgumentError } from "../../../../src/platform/arguments.js";
import { ImageProcessor } from "../../../../src/models/clip/transformers/image-processor.js";

const FILE = "preprocessor_config.json";

// Expected values: CLIPImageProcessor of transformers 4.45.0.dev0 with Pillow 12.3.0, of images of this formula.
const photo = (width: number, height: number) =>
  makeImage(
    width,
    height,
    3,
    Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * 37 + Math.floor(i / 7) * 11 + (i % 3) * 5) % 256),
  );

type Case = readonly [
  what: string,
  width: number,
  height: number,
  side: number,
  config: object,
  pixels: readonly number[],
];
const CASES: readonly Case[] = [
  [
    "a landscape",
    7,
    5,
    3,
    { size: 3, crop_size: 3 },
    [
      66, 107, 149, 125, 96, 140, 160, 147, 119, 135, 150, 130, 114, 135, 101, 126, 117, 114, 137, 131, 173, 107, 99,
      142, 116, 97, 122,
    ],
  ],
  [
    "a portrait",
    5,
    9,
    4,
    { size: { shortest_edge: 4 }, crop_size: { height: 4, width: 4 } },
    [
      124, 135, 151, 152, 124, 77, 139, 110, 166, 69, 85, 133, 165, 185, 98, 131, 122, 105, 117, 102, 68, 122, 140, 193,
      45, 100, 105, 168, 127, 128, 133, 111, 139, 160, 57, 102, 96, 141, 160, 96, 143, 79, 149, 128, 191, 77, 95, 136,
    ],
  ],
  [
    "an image that grows",
    2,
    4,
    4,
    { size: 4, crop_size: 4 },
    [
      184, 0, 58, 158, 35, 91, 111, 110, 156, 88, 148, 189, 246, 57, 45, 202, 76, 78, 114, 112, 143, 69, 130, 176, 223,
      205, 34, 181, 179, 67, 100, 130, 132, 58, 105, 165, 204, 255, 20, 164, 220, 52, 86, 132, 119, 46, 87, 153,
    ],
  ],
  [
    "an image smaller than the crop",
    9,
    5,
    5,
    { size: 2, crop_size: 5 },
    [
      0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 106, 96, 145,
      152, 113, 110, 124, 156, 95, 0, 0, 0, 0, 0, 0, 91, 139, 149, 107, 103, 154, 167, 113, 108, 0, 0, 0, 0, 0, 0, 0, 0,
      0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ],
  ],
  [
    "no resize, smaller on one side",
    2,
    6,
    3,
    { do_resize: false, crop_size: 3 },
    [0, 0, 0, 222, 19, 61, 88, 130, 172, 0, 0, 0, 199, 241, 38, 65, 107, 149, 0, 0, 0, 176, 218, 4, 42, 84, 126],
  ],
  [
    "a fixed size",
    7,
    5,
    3,
    { size: { height: 3, width: 3 }, do_center_crop: false },
    [
      82, 101, 147, 143, 122, 131, 154, 132, 90, 127, 148, 125, 121, 124, 100, 102, 111, 133, 131, 125, 168, 104, 91,
      131, 135, 117, 111,
    ],
  ],
  [
    "a fixed size, cropped",
    3,
    8,
    3,
    { size: { height: 6, width: 5 }, crop_size: 3 },
    [
      135, 176, 77, 120, 163, 74, 106, 160, 156, 68, 116, 120, 109, 133, 189, 182, 95, 156, 146, 117, 119, 172, 32, 74,
      142, 101, 97,
    ],
  ],
  [
    "BILINEAR",
    7,
    5,
    3,
    { size: 3, crop_size: 3, resample: 2 },
    [
      71, 106, 148, 123, 95, 137, 159, 144, 116, 130, 148, 129, 113, 134, 107, 122, 118, 115, 133, 129, 171, 109, 104,
      146, 117, 99, 125,
    ],
  ],
  [
    "LANCZOS",
    7,
    5,
    3,
    { size: 3, crop_size: 3, resample: 1 },
    [
      64, 107, 148, 125, 102, 145, 154, 146, 125, 135, 150, 133, 117, 134, 94, 130, 119, 117, 140, 134, 175, 104, 89,
      137, 118, 99, 117,
    ],
  ],
];

describe("the pixels of CLIPImageProcessor", () => {
  it.each(CASES)("%s", (_, width, height, side, config, pixels) => {
    const image = new ImageProcessor(config, FILE, side).process(photo(width, height));
    expect([image.width, image.height]).toEqual([side, side]);
    expect([...image.data]).toEqual(pixels);
  });

  it("are refused of an image that is too narrow", () => {
    const process = () => new ImageProcessor({}, FILE, 224).process(photo(1, 10_000));
    expect(process).toThrow(ArgumentError);
    expect(process).toThrow(/1 × 10000 pixels is too narrow: .* it has 224 × 2240000 pixels/);
  });

  it("of an image of the right size are its own", () => {
    const image = photo(6, 6);
    expect(new ImageProcessor({ size: 6, crop_size: 6 }, FILE, 6).process(image).data).toEqual(image.data);
  });
});

describe("the config of an image processor", () => {
  const processor = (config: object) => new ImageProcessor({ size: 2, crop_size: 2, ...config }, FILE, 2);
  const statistics = { image_mean: [0.1, 0.2, 0.3], image_std: [0.5, 0.25, 2] };

  it("of 2021 has the defaults of later ones", () => {
    const old = { do_center_crop: true, do_resize: true, feature_extractor_type: "CLIPFeatureExtractor", resample: 3 };
    expect(new ImageProcessor({ ...old, size: 224, crop_size: 224 }, FILE, 224).statistics).toEqual({
      imageMean: [0.48145466, 0.4578275, 0.40821073],
      imageStd: [0.26862954, 0.26130258, 0.27577711],
    });
    expect(new ImageProcessor({}, FILE, 224)).toBeInstanceOf(ImageProcessor);
  });

  // The first byte of the image is 0, the second pixel of its first channel 111; expected values as above.
  it.each([
    ["another factor", { ...statistics, rescale_factor: 0.01 }, [-0.2, 2.02]],
    ["no factor", { ...statistics, do_rescale: false }, [-0.2, 221.8]],
    ["no normalising", { ...statistics, do_normalize: false }, [0, 111 / 255]],
  ])("may have %s", (_, config, red) => {
    const { imageMean, imageStd } = processor(config).statistics;
    const values = [0, 111].map((byte) => (byte / 255 - imageMean[0]!) / imageStd[0]!);
    for (const [i, value] of values.entries()) expect(value).toBeCloseTo(red[i]!, 5);
  });

  it.each<[what: string, config: object, message: RegExp]>([
    ["another filter", { resample: 0 }, /resample: expected 1 \(LANCZOS\), 2 \(BILINEAR\) or 3 \(BICUBIC\), found 0/],
    ["a longest edge", { size: { shortest_edge: 2, longest_edge: 9 } }, /size: unknown key "longest_edge"/],
    [
      "a crop of another size",
      { crop_size: 3 },
      /crop_size: \{"height":3,"width":3\} does not give images of 2 × 2 pixels/,
    ],
    ["a crop that is not square", { crop_size: { height: 2, width: 3 } }, /crop_size: .* 2 × 2 pixels/],
    ["images of any proportions", { do_center_crop: false }, /do_center_crop: false does not give images of 2 × 2/],
    [
      "images of any size",
      { do_resize: false, do_center_crop: false, size: { height: 2, width: 2 } },
      /do_center_crop: false does not give/,
    ],
    ["one channel", { image_mean: [0.5] }, /image_mean/],
    ["a deviation of 0", { image_std: [0, 1, 1] }, /image_std\[0\]: expected a number above 0, found 0/],
    ["padding", { do_pad: true }, /do_pad: true is not supported, only false: padding/],
    [
      "a size that is no number",
      { size: "224" },
      /size: expected a whole number, a shortest_edge, or a height and a width/,
    ],
    ["an unknown key", { do_flip: true }, /unknown key "do_flip"/],
  ])("is refused with %s", (_, config, message) => {
    expect(() => processor(config)).toThrow(ConfigError);
    expect(() => processor(config)).toThrow(message);
  });
});
