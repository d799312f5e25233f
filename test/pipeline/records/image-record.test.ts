import { describe, expect, it } from "vitest";
import { encodeImage } from "../../../src/image/encode.js";
import { makeImage } from "../../../src/image/image.js";
import { differences } from "../../../src/pipeline/records/generated-on.js";
import {
  describeRecord,
  encodeRecorded,
  readImageRecord,
  recordOf,
  type GeneratedOn,
} from "../../../src/pipeline/records/image-record.js";

const image = {
  ...makeImage(2, 2, 3, new Uint8Array(12).fill(99)),
  seed: 7,
  parameters: { script: "BasicInference", tuning: "table-1", text: "a ring", decoderSteps: [2, 3] },
};
const generatedOn: GeneratedOn = {
  software: "dalle2-webgpu 0.1.0",
  model: { config: "https://example.org/c.json?token=secret", files: [{ name: "a", bytes: 1, fingerprint: "abc" }] },
  adapter: "An adapter",
  dtype: "f32",
  weights: "full",
  tuning: "table-1",
};

describe("the record of an image", () => {
  it("is read as it was written, from the content of the file", async () => {
    const inputs = { prompt: "a ring" };
    const record = recordOf(image, inputs, generatedOn);
    const bytes = await encodeRecorded(image, { inputs, generatedOn });
    const { record: read, texts } = await readImageRecord(bytes, "ring.png");
    expect(read).toMatchObject({ ...record, model: { files: generatedOn.model.files } });
    expect(read?.model.config).not.toContain("secret");
    expect(texts).toEqual({ Description: "a ring", Seed: "7", Software: generatedOn.software });
  });

  it("is an error with advice if the file is not an image or the record is damaged", async () => {
    const advice = "give an image that this package wrote";
    await expect(readImageRecord(new TextEncoder().encode("{}"), "a.json")).rejects.toMatchObject({
      message: `a.json: this is not a PNG, JPEG or WebP file; ${advice}`,
    });
    const bytes = await encodeImage(image, { format: "png", text: { dalle2: "{" } });
    await expect(readImageRecord(bytes, "a.png")).rejects.toMatchObject({ advice: "Generate the image again." });
  });

  it("is shown in rows", () => {
    const model = { files: generatedOn.model.files };
    const sized = { ...image, parameters: { ...image.parameters, size: { width: 72, height: 36 } } };
    expect(describeRecord(recordOf(sized, { prompt: "a ring" }, { ...generatedOn, model }))).toEqual([
      ["prompt", "a ring"],
      ["seed", "7"],
      ["script", "BasicInference"],
      ["text", "a ring"],
      ["decoderSteps", "[2,3]"],
      ["size", "72 × 36"],
      ["config", "the package's own"],
      ["model", "a, 1 byte, fingerprint abc"],
      ["software", "dalle2-webgpu 0.1.0"],
      ["adapter", "An adapter"],
      ["dtype", "f32"],
      ["weights", "full"],
      ["tuning", "table-1"],
    ]);
  });

  it("lists the differences to another run", () => {
    expect(differences(generatedOn, generatedOn)).toEqual([]);
    const file = { name: "a", bytes: 1, fingerprint: "abc" };
    const withFiles = (...files: readonly (typeof file)[]) => ({ ...generatedOn, model: { files } });
    expect(differences(withFiles(file), withFiles({ ...file, name: "kept-a" }))).toEqual([]);
    expect(differences(withFiles(file), withFiles(file, { ...file, name: "b", fingerprint: "bcd" }))).toEqual([
      "Warning: the image was generated with other model files (a, 1 byte, fingerprint abc; here b, 1 byte, fingerprint bcd): it may look different.",
    ]);
    const other = { adapter: "Another", dtype: "f16", weights: "int8", tuning: "table-2" } as const;
    expect(differences(generatedOn, { ...generatedOn, ...other })).toEqual([
      "Warning: the image was generated with another adapter (An adapter; here Another): it may look different.",
      "Warning: the image was generated with another dtype (f32; here f16): it may look different.",
      "Warning: the image was generated with weights in another format (full; here int8): it may look different.",
      "Warning: the image was generated with another tuning table (table-1; here table-2): it may look different.",
    ]);
  });
});
