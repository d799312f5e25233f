import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { openFile } from "../../src/platform/node.js";
import { MemorySource } from "../../src/platform/source.js";
import { openCheckpoint } from "../../src/models/open-checkpoint.js";
import { convertCheckpoint } from "../../src/models/convert.js";
import { toFloat32 } from "../../src/weights/dtypes.js";
import { collect } from "../support/collect.js";

// A small prior's network as torch 2.13 and safetensors 0.8 saved it, each time with something unusual.

const openFixture = async (name: string) =>
  openCheckpoint(await openFile(fileURLToPath(new URL(`../fixtures/beside/${name}`, import.meta.url))));

/** Shape, first value and sum of each tensor, by torch.load. */
const EXPECTED: Readonly<Record<string, readonly [shape: readonly number[], first: number, sum: number]>> = {
  learned_query: [[8], 0.6613522, -0.1478499],
  null_text_embeds: [[1, 1, 8], -1.027609, -3.012615],
  "causal_transformer.layers.0.0.null_kv": [[2, 4], -0.4211951, -0.5504155],
  "causal_transformer.layers.0.0.norm.g": [[8], 0.3255015, 2.810857],
  "causal_transformer.layers.0.0.to_q.weight": [[8, 8], -0.02550246, -1.231515],
  "causal_transformer.layers.0.0.to_kv.weight": [[8, 8], 0.7123646, 11.99145],
  "causal_transformer.norm.g": [[8], 1.538142, 3.422997],
};
const NEGATED = "causal_transformer.layers.0.0.to_q.weight";

const files: readonly (readonly [string, string])[] = [
  ["complex.pth", "a complex tensor beside the model"],
  ["uint32.pth", "an untyped storage beside the model"],
  ["protocol4.pth", "the legacy format in protocol 4"],
  ["attributes.pth", "attributes on the tensors"],
  ["xla-from-cpu.pth", "tensors of XLA"],
  ["neg.pth", "a tensor in a negative view"],
  ["uname.pth", "a platform.uname() beside the model"],
  ["package-named-code.pth", "an object of a package named code"],
  ["surrogate.pth", "text that was no UTF-8"],
  ["u32.safetensors", "a tensor of U32"],
  ["zeros.pth", "zeros behind the zip"],
];

describe("values after conversion are torch's", () => {
  it.each(files)("%s: %s", async (file) => {
    const source = await openFixture(file);
    const converted = await openCheckpoint(
      new MemorySource(Buffer.concat(await collect(convertCheckpoint(source))), "converted.safetensors"),
    );
    await source.close();
    for (const [name, [shape, first, sum]] of Object.entries(EXPECTED)) {
      const sign = file === "neg.pth" && name === NEGATED ? -1 : 1;
      // With a name that lacks it, the common prefix of the others stays.
      const entry = converted.tensors.get(name) ?? converted.tensors.get(`net.${name}`)!;
      const values = [...toFloat32(entry.dtype, await entry.read())];
      expect([name, entry.dtype, entry.shape]).toEqual([name, "F32", shape]);
      expect(values[0]).toBeCloseTo(sign * first, 6);
      expect(values.reduce((total, value) => total + value, 0)).toBeCloseTo(sign * sum, 5);
    }
  });
});

it("metadata that is null is none", async () => {
  const checkpoint = await openFixture("metadata-null.safetensors");
  expect([checkpoint.metadata.size, [...checkpoint.tensors.keys()]]).toEqual([0, ["causal_transformer.norm.g"]]);
  await checkpoint.close();
});
