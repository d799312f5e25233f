import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readImageRecord } from "../../src/pipeline/records/image-record.js";
import { dalle2, generated, readImage } from "../support/cli.js";
import { fixtureFolder } from "../support/golden.js";

const IMAGE = "examples/images/red-circle.png";
const INPAINT = ["inpaint", IMAGE, "--mask", "examples/images/keep-left.png", "--text", "a cat"];
const EDIT = ["edit", IMAGE, "--from", "a cat", "--to", "a dog"];

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "noise-"));
  writeBoth(join(folder, "both"));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

const model = (fixture: string) => ["--model-config", join(fixtureFolder(fixture), "model"), "--dtype", "f32"];
const ofTexts = [...model("stable-unclip-text-to-image"), "--prior-steps", "2"];
const ofImages = model("stable-unclip-image-variation");
/** A model of texts that embeds images, too. */
function writeBoth(to: string): void {
  cpSync(join(fixtureFolder("stable-unclip-text-to-image"), "model"), to, { recursive: true });
  const other = join(fixtureFolder("stable-unclip-image-variation"), "model");
  const index = (from: string) => JSON.parse(readFileSync(join(from, "model_index.json"), "utf8")) as object;
  const components = ["image_encoder", "feature_extractor"] as const;
  for (const name of components) cpSync(join(other, name), join(to, name), { recursive: true });
  const added = Object.fromEntries(
    Object.entries(index(other)).filter(([name]) => components.some((one) => one === name)),
  );
  writeFileSync(join(to, "model_index.json"), JSON.stringify({ ...index(to), ...added }));
}

const few = ["--steps", "2", "--seed", "5"];

/** Runs a command and returns the files of its images. */
function run(args: readonly string[]): readonly string[] {
  return generated([...args, "--output-path", join(folder, "out")]).map(({ file }) => file);
}

const pixels = async (file: string) => (await readImage(file)).data;

async function recorded(file: string): Promise<unknown> {
  const { record } = await readImageRecord(readFileSync(file), file);
  return record?.parameters;
}

describe("--noise-level", () => {
  it.each<[string, readonly string[], readonly string[] | "both", string]>([
    ["dream", ["dream", "a cat"], ofTexts, "decoderNoiseLevel"],
    ["variation", ["variation", IMAGE], ofImages, "noiseLevel"],
    ["inpaint", INPAINT, ofTexts, "decoderNoiseLevel"],
    ["interpolate", ["interpolate", "a cat", "a dog", "--frames", "2"], ofTexts, "decoderNoiseLevel"],
    ["edit", EDIT, "both", "noiseLevel"],
  ])("of %s changes its images, and is in their records", async (_, command, given, name) => {
    const flags = given === "both" ? ["--model-config", join(folder, given), "--dtype", "f32"] : given;
    const [plain] = run([...command, ...flags, ...few]);
    const [noisy] = run([...command, ...flags, ...few, "--noise-level", "700"]);
    expect(await recorded(plain!)).toMatchObject({ [name]: 0 });
    expect(await recorded(noisy!)).toMatchObject({ [name]: 700 });
    expect(await pixels(noisy!)).not.toEqual(await pixels(plain!));
  });

  it("is repeated by --from, unless it is given again", async () => {
    const [file] = run(["dream", "a cat", ...ofTexts, ...few, "--noise-level", "700"]);
    const [again] = run(["dream", "--from", file!]);
    expect(await recorded(again!)).toMatchObject({ decoderNoiseLevel: 700 });
    expect(await pixels(again!)).toEqual(await pixels(file!));
    const [other] = run(["dream", "--from", file!, "--noise-level", "0"]);
    expect(await recorded(other!)).toMatchObject({ decoderNoiseLevel: 0 });
    expect(await pixels(other!)).not.toEqual(await pixels(file!));
  });

  it.each([["dream", "a cat"], ["variation", IMAGE], INPAINT, ["interpolate", "a cat", "a dog"], EDIT])(
    "of %s is refused by decoders that were trained without noise",
    (...command) => {
      const { stderr, status } = dalle2([...command, "--noise-level", "0", "--output-path", join(folder, "none")]);
      expect(status).toBe(2);
      expect(stderr).toMatch(/This decoder takes no --noise-level: .*Leave it out/);
    },
  );

  it("is a level of the decoder", () => {
    const of = (level: string) => dalle2(["dream", "a cat", ...ofTexts, "--noise-level", level]).stderr;
    expect(of("1000")).toMatch(/--noise-level must be a whole number from 0 to 999, not 1000/);
    for (const wrong of ["-1", "1.5", "x", ""]) expect(of(wrong)).toMatch(/not a whole number of at least 0/);
  });
});
