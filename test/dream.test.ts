import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { pictureName } from "../src/cli/pictures.js";
import { Estimate, formatDuration } from "../src/cli/progress.js";
import { readPrompts } from "../src/cli/prompts.js";
import { ConfigError } from "../src/config/config-error.js";

const folder = mkdtempSync(join(tmpdir(), "dalle2-dream-"));
const main = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const fixture = fileURLToPath(new URL("fixtures/pipeline/", import.meta.url));
// The fixture's prior does not say its version, which is worth a warning; here it is said.
const modelConfig = join(folder, "load_config.json");
writeFileSync(modelConfig, versionedConfig());

afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** The fixture's load config with absolute paths and the version of its prior. */
function versionedConfig(): string {
  const text = readFileSync(join(fixture, "load_config.json"), "utf8");
  const config = JSON.parse(text, (key, value: unknown) =>
    key === "path" && typeof value === "string" ? join(fixture, value) : value,
  ) as { prior: object };
  return JSON.stringify({ ...config, prior: { ...config.prior, version: "1.14.2" } });
}

/** Runs the built command (`npm test` builds it first) to its end, on the small model of the `pipeline` fixture. */
function dream(args: readonly string[]) {
  const all = [main, "dream", "--model-config", modelConfig, ...args];
  return spawnSync(process.execPath, all, { encoding: "utf8", input: "" });
}

describe("dalle2 dream", () => {
  const file = join(folder, "prompts.txt");
  writeFileSync(file, "a blue circle\n\n  a green ring  \n");
  const call = ["--prompt", "a red square", "--prompts-file", file, "--samples", "2", "--seed", "7", "--json"];

  it("writes a picture for each prompt and sample, and says which", () => {
    const out = join(folder, "first");
    const { status, stdout, stderr } = dream([...call, "--output-path", out]);
    expect(stderr.split("\n").filter((line) => line !== "" && !line.startsWith("Warning:"))).toEqual([]);
    expect(status).toBe(0);
    const name = (prompt: string, seed: number): string => join(out, `${prompt.replaceAll(" ", "-")}-${seed}.png`);
    const record = (prompt: string, seed: number) => ({
      prompt,
      file: name(prompt, seed),
      seed,
      width: 32,
      height: 32,
    });
    expect(JSON.parse(stdout)).toEqual([
      record("a red square", 7),
      record("a red square", 8),
      record("a blue circle", 9),
      record("a blue circle", 10),
      record("a green ring", 11),
      record("a green ring", 12),
    ]);
    expect(readdirSync(out)).toHaveLength(6);
    const png = readFileSync(name("a red square", 7));
    expect(png.subarray(1, 4).toString()).toBe("PNG");
    expect(png.includes("a red square")).toBe(true);
  });

  it("writes the same bytes again, in other batches too", () => {
    const [first, second] = [join(folder, "first"), join(folder, "second")];
    const { status } = dream([...call, "--output-path", second, "--batch-size", "4", "--prior-batch-size", "3"]);
    expect(status).toBe(0);
    for (const name of readdirSync(first)) {
      expect(readFileSync(join(second, name)).equals(readFileSync(join(first, name)))).toBe(true);
    }
  });

  it("shows its progress in lines where nobody watches", () => {
    const out = join(folder, "lines");
    const args = ["--prompt", "a red square", "--prompt", "a ring", "--batch-size", "1", "--seed", "1"];
    const { stdout, stderr } = dream([...args, "--output-path", out, "--steps", "2,1", "--cond-scale", "1"]);
    expect(stdout.trim().split("\n")).toEqual([
      `${join(out, "a-red-square-1.png")}  (seed 1)`,
      `${join(out, "a-ring-2.png")}  (seed 2)`,
    ]);
    expect(stderr.split("\n").filter((line) => /^(prior|U-Net)/.test(line))).toEqual([
      "prior: pictures 1 to 2 of 2",
      "U-Net 1: picture 1 of 2",
      "U-Net 2: picture 1 of 2",
      "U-Net 1: picture 2 of 2",
      "U-Net 2: picture 2 of 2",
    ]);
  });

  it.each([
    [[], "give --prompt or --prompts-file"],
    [["--prompt", "x", "--steps", "0"], "not a whole number of at least 1"],
    [["--prompt", "x", "--seed", "1.5"], "not a whole number from 0"],
    [["--prompt", " "], "It is empty"],
    [["--prompt", "x", "--dtype", "f64"], "Allowed choices are auto, f32, f16"],
    [["--prompt", "x", "--model-config", join(folder, "prompts.txt")], "is not JSON"],
  ])("ends with status 2 for %j", (args, message) => {
    const { status, stderr } = dream([...args, "--output-path", join(folder, "none")]);
    expect(stderr).toContain(message);
    expect(status).toBe(2);
    expect(readdirSync(folder)).not.toContain("none");
  });
});

it("names files so that every system takes them", () => {
  const name = (prompt: string) => pictureName({ prompt, seed: 3 });
  expect(name("A Red  circle!")).toBe("a-red-circle-3.png");
  expect(name("../../etc/passwd\0")).toBe("etc-passwd-3.png");
  expect(name("...")).toBe("picture-3.png");
  expect(name("красный круг")).toBe("красный-круг-3.png");
  expect(name("-rf")).toBe("rf-3.png");
  expect(Buffer.byteLength(name("𝔸".repeat(500)))).toBeLessThan(255);
});

it("reads prompts from a JSON array, and nothing else from JSON", async () => {
  const file = join(folder, "prompts.json");
  writeFileSync(file, JSON.stringify(["a red square", " a ring "]));
  await expect(readPrompts(file)).resolves.toEqual(["a red square", "a ring"]);
  writeFileSync(file, JSON.stringify({ prompt: "a ring" }));
  await expect(readPrompts(file)).rejects.toThrow(ConfigError);
});

describe("the time left", () => {
  it("follows from the pace of each network", () => {
    const estimate = new Estimate(
      new Map([
        ["prior", 10],
        ["U-Net 1", 20],
        ["U-Net 2", 5],
      ]),
    );
    expect(estimate.fraction).toBe(0);
    estimate.add("prior", 10, 100);
    // Nothing is known of the U-Nets yet: 25 evaluations as slow as the prior's.
    expect(estimate.millisecondsLeft).toBe(250);
    estimate.add("U-Net 1", 10, 1000);
    expect(estimate.millisecondsLeft).toBe(10 * 100 + 5 * 100);
    estimate.add("U-Net 1", 10, 1000);
    estimate.add("U-Net 2", 1, 20);
    expect(estimate.millisecondsLeft).toBe(80);
    expect(estimate.fraction).toBeCloseTo(2120 / 2200);
  });

  it.each([
    [0, "0:00"],
    [65_400, "1:05"],
    [3_723_000, "1:02:03"],
  ])("%i ms is written %s", (milliseconds, text) => {
    expect(formatDuration(milliseconds)).toBe(text);
  });
});
