import { describe, expect, it } from "vitest";
import {
  readEmbeddings,
  writeEmbeddings,
  type StoredEmbeddings,
} from "../../../src/pipeline/records/embeddings-file.js";
import type { ByteSource } from "../../../src/platform/source.js";
import { openSafetensors, writeSafetensors } from "../../../src/weights/formats/safetensors.js";

const embedding = (...values: number[]) => ({ shape: [values.length], data: Float32Array.from(values) });

const stored: StoredEmbeddings = {
  texts: [
    { text: "a ring", embedding: embedding(1, 2, 3) },
    { text: "ein Kreis", embedding: embedding(4, 5, 6) },
  ],
  images: [{ image: "cat.png", embedding: embedding(7, 8, 9) }],
  priors: [{ text: "a ring", seed: 7, embedding: embedding(-1, 0.5, 0.25) }],
  generatedOn: {
    software: "dalle2-webgpu 0.1.0",
    model: { files: [{ name: "prior.safetensors", bytes: 5, fingerprint: "00" }] },
    adapter: "a GPU",
    dtype: "f32",
    weights: "full",
    tuning: "default",
  },
};

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
  const all: number[] = [];
  for await (const chunk of chunks) all.push(...chunk);
  return Uint8Array.from(all);
}

function sourceOf(bytes: Uint8Array<ArrayBuffer>): ByteSource {
  return {
    name: "e.safetensors",
    size: bytes.length,
    read: (start, length) => Promise.resolve(bytes.slice(start, start + length)),
    close: () => Promise.resolve(),
  };
}

describe("a file of embeddings", () => {
  it("is read exactly as it was written", async () => {
    expect(await readEmbeddings(sourceOf(await bytesOf(writeEmbeddings(stored))))).toEqual(stored);
    const textsAlone = { ...stored, images: [], priors: [] };
    expect(await readEmbeddings(sourceOf(await bytesOf(writeEmbeddings(textsAlone))))).toEqual(textsAlone);
  });

  it("has a tensor for each kind, which other programs can read", async () => {
    const { tensors, metadata } = await openSafetensors(sourceOf(await bytesOf(writeEmbeddings(stored))));
    expect([...tensors.values()].map(({ name, dtype, shape }) => [name, dtype, shape])).toEqual([
      ["clip_image_embed", "F32", [1, 3]],
      ["clip_text_embed", "F32", [2, 3]],
      ["prior_image_embed", "F32", [1, 3]],
    ]);
    expect(JSON.parse(metadata.get("prior_image_embed")!)).toEqual([{ text: "a ring", seed: 7 }]);
    expect(JSON.parse(metadata.get("generated_on")!)).toEqual(stored.generatedOn);
  });

  it("is not written if lengths differ", async () => {
    const texts = [...stored.texts, { text: "x", embedding: embedding(1, 2) }];
    await expect(bytesOf(writeEmbeddings({ ...stored, texts }))).rejects.toThrow("one has shape [2] and the first [3]");
  });

  const other = (metadata: Readonly<Record<string, string>>, values = [1, 2, 3], rows = 1) =>
    bytesOf(
      writeSafetensors(
        [
          {
            name: "clip_text_embed",
            dtype: "F32",
            shape: [rows, values.length / rows],
            chunks: () => [new Uint8Array(Float32Array.from(values).buffer)],
          },
        ],
        new Map(Object.entries(metadata)),
      ),
    );
  const ours = { format: "dalle2-embeddings", generated_on: JSON.stringify(stored.generatedOn) };
  const named = { ...ours, clip_text_embed: '[{"text":"a ring"}]' };

  it.each([
    ["of another program", () => other({ format: "pt" }), "has no embeddings of dalle2"],
    ["without names", () => other(ours), "metadata clip_text_embed is missing"],
    [
      "with fewer names than rows",
      () => other(named, [1, 2, 3, 4], 2),
      "has shape [2, 2], but its metadata names 1 rows",
    ],
    ["with names that are none", () => other({ ...named, clip_text_embed: '[{"text":1}]' }), "is damaged: [0].text"],
    ["with a value that is no number", () => other(named, [1, NaN, 3]), "has the value NaN"],
  ])("%s is refused", async (_, make, message) => {
    const read = readEmbeddings(sourceOf(await make()));
    await expect(read).rejects.toThrow(message);
    await expect(read).rejects.toThrow("e.safetensors: ");
  });
});
