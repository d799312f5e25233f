import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { ModelLoadConfig } from "../../../src/pipeline/load-config.js";
import { identifyModels } from "../../../src/pipeline/records/model-identity.js";

/** The fingerprint as `ModelFile.fingerprint` describes it. */
function fingerprint(bytes: Buffer): string {
  const hash = createHash("sha256").update(String(bytes.length));
  for (let i = 0; i < 64; i++) {
    const start = Math.floor(((bytes.length - 2 ** 14) * i) / 63);
    hash.update(bytes.subarray(start, start + 2 ** 14));
  }
  return hash.digest("hex");
}

it("identifies the files of a load config by name, size and samples", async () => {
  const config = await ModelLoadConfig.fromJsonPath("configs/shapes.json");
  const files = await identifyModels(config, { prefersF16: false });
  expect(files.map(({ name }) => name)).toEqual(["decoder.safetensors", "prior.safetensors", "clip.safetensors"]);
  for (const { name, bytes, fingerprint: found } of files) {
    const content = readFileSync(`configs/shapes/${name}`);
    expect({ bytes, found }).toEqual({ bytes: content.length, found: fingerprint(content) });
  }
});
