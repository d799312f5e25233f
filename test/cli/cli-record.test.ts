import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { recordTexts, type ImageRecord } from "../../src/pipeline/records/image-record.js";
import type { DoctorReport } from "../../src/cli/doctor.js";
import type { ShowReport } from "../../src/cli/show.js";
import { encodeImage, type ImageFormat } from "../../src/image/encode.js";
import { makeImage } from "../../src/image/image.js";
import { dalle2, generated, readImage } from "../support/cli.js";

const folder = mkdtempSync(join(tmpdir(), "dalle2-record-"));
const args = [
  "--prompt",
  "a red circle",
  "--seed",
  "5",
  "--steps",
  "2,3",
  "--sampler",
  "dpmpp2m",
  "--prior-steps",
  "2",
  "--prior-sampler",
  "ddpm",
  "--cond-scale",
  "1.5",
  "--negative-prompt",
  "a square",
];
let image: string;
let record: ImageRecord;

beforeAll(() => {
  [{ file: image } = { file: "" }] = generated(["dream", ...args, "--output-path", join(folder, "first")]);
  record = shown(image).record!;
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

function shown(file: string): ShowReport {
  const { status, stdout, stderr } = dalle2(["show", file, "--json"]);
  expect(status, stderr).toBe(0);
  return (JSON.parse(stdout) as ShowReport[])[0]!;
}

function doctored(): DoctorReport {
  return JSON.parse(dalle2(["doctor", "--json"]).stdout) as DoctorReport;
}

/** A grey image with texts. */
async function writeTexts(name: string, text: Readonly<Record<string, string>>, format: ImageFormat = "png") {
  const file = join(folder, name);
  writeFileSync(file, await encodeImage(makeImage(2, 2, 3, new Uint8Array(12).fill(99)), { format, text }));
  return file;
}

describe("dalle2 show", () => {
  it("shows how an image was generated, in files that other programs can read too", () => {
    const { texts } = shown(image);
    expect(texts).toEqual({ Description: "a red circle", Seed: "5", Software: record.software });
    expect(record).toMatchObject({
      seed: 5,
      inputs: { prompt: "a red circle" },
      parameters: {
        script: "BasicInference",
        text: "a red circle",
        negativeText: "a square",
        priorSteps: 2,
        priorSampler: "ddpm",
        decoderSteps: [2, 3],
        decoderSampler: ["dpmpp2m", "dpmpp2m"],
        decoderCondScale: [1.5, 1.5],
      },
      tuning: doctored().tuning,
    });
    expect(record.software).toMatch(/^dalle2-webgpu \d+\.\d+\.\d+/);
    expect(record.adapter).not.toBe("");
    expect(record.model.config).toBeUndefined();
    expect(record.model.files.map(({ name }) => name)).toEqual([
      "decoder.safetensors",
      "prior.safetensors",
      "clip.safetensors",
    ]);
    const { stdout } = dalle2(["show", image]);
    const { fingerprint } = record.model.files[0]!;
    for (const text of [image, "a red circle", "decoderSteps", "[2,3]", record.adapter, `fingerprint ${fingerprint}`]) {
      expect(stdout).toContain(text);
    }
  });

  it.each(["jpeg", "webp"] as const)("reads the record of %s files", async (format) => {
    const file = await writeTexts(`record.${format}`, recordTexts(record, "x"), format);
    expect(shown(file).record).toEqual(record);
  });

  it("shows the texts in images of other programs, without terminal control characters, with status 1", async () => {
    const file = await writeTexts("other.png", { Comment: "clear\u001b[2J\n  seed  5" });
    const { status, stdout } = dalle2(["show", file]);
    expect(status).toBe(1);
    expect(stdout).toContain("Comment  clear\uFFFD[2J\n             seed  5");
    expect(JSON.parse(dalle2(["show", file, "--json"]).stdout)).toEqual([
      { file, record: null, texts: { Comment: "clear\u001b[2J\n  seed  5" } },
    ]);
  });

  it.each([
    ["no JSON", "{"],
    ["another shape", JSON.stringify({ seed: "5" })],
  ])("reports a damaged record: %s", async (_, text) => {
    const { status, stderr } = dalle2(["show", await writeTexts("damaged.png", { dalle2: text })]);
    expect(status).toBe(1);
    expect(stderr).toContain("damaged.png: its record of how it was generated is damaged");
  });

  it("reports a file that is not an image", () => {
    const file = join(folder, "text.png");
    writeFileSync(file, "no image");
    expect(dalle2(["show", file])).toMatchObject({ status: 1, stdout: "" });
    expect(dalle2(["show", file]).stderr).toContain("text.png: ");
  });
});

describe("dalle2 dream --from", () => {
  it("generates the same image, without a warning", async () => {
    const { status, stdout, stderr } = dalle2([
      "dream",
      "--from",
      image,
      "--output-path",
      join(folder, "second"),
      "--json",
    ]);
    expect(status, stderr).toBe(0);
    const [report] = JSON.parse(stdout) as [{ file: string }];
    const [first, second] = [await readImage(image), await readImage(report.file)];
    const differences = first.data.map((value, i) => Math.abs(value - second.data[i]!));
    expect(Math.max(...differences)).toBeLessThanOrEqual(1);
    expect(stderr).not.toContain("the image was generated");
    expect(shown(report.file).record).toEqual(record);
  });

  it("lets other options override the record, and warns of differences", async () => {
    const files = record.model.files.map((file, i) => (i === 1 ? { ...file, fingerprint: "0".repeat(64) } : file));
    const elsewhere = { ...record, adapter: "Some other GPU", software: "dalle2-webgpu 0.0.1", model: { files } };
    const file = await writeTexts("elsewhere.png", recordTexts(elsewhere, "x"));
    const out = ["--output-path", join(folder, "third"), "--json"];
    const { stdout, stderr } = dalle2(["dream", "--from", file, "--seed", "6", "--prompt", "a blue square", ...out]);
    expect(JSON.parse(stdout)).toMatchObject([{ prompt: "a blue square", seed: 6 }]);
    const warnings = stderr.split("\n").filter((line) => line.includes("the image was generated with"));
    expect(warnings).toHaveLength(3);
    for (const [i, text] of [
      "other software (dalle2-webgpu 0.0.1;",
      `other model files (${record.model.files[1]!.name}, `,
      "another adapter (Some other GPU;",
    ].entries()) {
      expect(warnings[i]).toContain(text);
    }
  });

  it("downloads no models that a record names by URL", async () => {
    const elsewhere = { ...record, model: { ...record.model, config: "https://example.org/config.json" } };
    const file = await writeTexts("url.png", recordTexts(elsewhere, "x"));
    const { status, stderr } = dalle2(["dream", "--from", file]);
    expect(status).toBe(2);
    expect(stderr).toContain("https://example.org/config.json. If you trust it, give it as --model-config");
  });

  it.each([
    ["without a record", {}, "has no record of how it was generated"],
    [
      "of another script",
      { script: "ImageVariation" },
      "it was generated by ImageVariation from cat.png, not by dream",
    ],
  ])("refuses images %s", async (_, parameters, message) => {
    const other = { ...record, parameters: { script: "", ...parameters }, inputs: { image: "cat.png" } };
    const file = await writeTexts("other-script.png", "script" in parameters ? recordTexts(other, "x") : {});
    const { status, stderr } = dalle2(["dream", "--from", file, "--output-path", join(folder, "none")]);
    expect(status).toBe(2);
    expect(stderr).toContain(message);
  });
});
