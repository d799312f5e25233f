import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { dalle2, generated } from "../support/cli.js";

const folder = mkdtempSync(join(tmpdir(), "dalle2-dream-"));
const fixture = fileURLToPath(new URL("../fixtures/pipeline/", import.meta.url));
// The fixture's prior has no version, which causes a warning; the config sets it.
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

/** `dalle2 dream` on the small model of the `pipeline` fixture. */
const dream = ["dream", "--model-config", modelConfig];

describe("dalle2 dream", () => {
  const file = join(folder, "prompts.txt");
  writeFileSync(file, "a blue circle\n\n  a green ring  \n");
  const call = [...dream, "--prompt", "a red square", "--prompts-file", file, "--samples", "2", "--seed", "7"];

  it("writes an image for each prompt and sample, and reports them", () => {
    const out = join(folder, "first");
    const name = (prompt: string, seed: number): string => join(out, `${prompt.replaceAll(" ", "-")}-${seed}.png`);
    const report = (prompt: string, seed: number) => ({
      prompt,
      file: name(prompt, seed),
      seed,
      width: 32,
      height: 32,
    });
    const { status, stdout, stderr } = dalle2([...call, "--json", "--output-path", out]);
    expect(stderr.split("\n").filter((line) => line !== "" && !line.startsWith("Warning: maxDynamic"))).toEqual([]);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toEqual([
      report("a red square", 7),
      report("a red square", 8),
      report("a blue circle", 9),
      report("a blue circle", 10),
      report("a green ring", 11),
      report("a green ring", 12),
    ]);
    expect(readdirSync(out)).toHaveLength(6);
  });

  it("writes the same bytes again, also with other batch sizes", () => {
    const [first, second] = [join(folder, "first"), join(folder, "second")];
    generated([...call, "--output-path", second, "--decoder-batch-size", "4", "--prior-batch-size", "3"]);
    for (const name of readdirSync(first)) {
      expect(readFileSync(join(second, name)).equals(readFileSync(join(first, name)))).toBe(true);
    }
  });

  it("takes the same prompts and count from a pipe, and prints only paths", () => {
    const out = join(folder, "piped");
    const { status, stdout, stderr } = dalle2(
      [...dream, "--seed", "7", "--output-path", out],
      `a red square\n${file}\n\n2\n`,
    );
    expect(status, stderr).toBe(0);
    const names = readdirSync(join(folder, "first"));
    expect(readdirSync(out)).toEqual(names);
    for (const name of names) {
      expect(readFileSync(join(out, name)).equals(readFileSync(join(folder, "first", name)))).toBe(true);
      expect(stdout).toContain(join(out, name));
    }
    expect(stdout.trim().split("\n")).toHaveLength(6);
    for (const question of ["Prompt 1: ", "Prompt 2: ", "samples would you like to generate for each prompt? [1]: "]) {
      expect(stderr).toContain(question);
    }
  });

  it("shows its progress in lines if there is no terminal", () => {
    const out = join(folder, "lines");
    const args = ["--prompt", "a red square", "--prompt", "a ring", "--batch-size", "1", "--seed", "1"];
    const { stdout, stderr } = dalle2([...dream, ...args, "--output-path", out, "--steps", "2,1", "--cond-scale", "1"]);
    expect(stdout.trim().split("\n")).toEqual([
      `${join(out, "a-red-square-1.png")}  (seed 1)`,
      `${join(out, "a-ring-2.png")}  (seed 2)`,
    ]);
    expect(stderr.split("\n").filter((line) => /^(prior|U-Net)/.test(line))).toEqual([
      "prior",
      "U-Net 1, batch 1 of 2",
      "U-Net 2, batch 1 of 2",
      "U-Net 1, batch 2 of 2",
      "U-Net 2, batch 2 of 2",
    ]);
  });

  it("replaces no file of an earlier run without --overwrite", () => {
    const out = join(folder, "again");
    const args = [...dream, "--prompt", "a ring", "--seed", "1", "--steps", "1", "--output-path", out];
    const files = (more: readonly string[] = []) => generated([...args, ...more]).map(({ file: name }) => name);
    expect(files()).toEqual([join(out, "a-ring-1.png")]);
    expect(files()).toEqual([join(out, "a-ring-1_2.png")]);
    expect(files(["--overwrite"])).toEqual([join(out, "a-ring-1.png")]);
    expect(readdirSync(out).sort()).toEqual(["a-ring-1.png", "a-ring-1_2.png"]);
  });

  it.each([
    ["jpeg", "a-ring-1.jpg", "\u00ff\u00d8\u00ff"],
    ["webp", "a-ring-1.webp", "RIFF"],
  ])("writes %s files", (format, name, magic) => {
    const out = ["--output-path", join(folder, format), "--format", format];
    const [report] = generated([...dream, "--prompt", "a ring", "--seed", "1", "--steps", "1", ...out]);
    expect(report!.file).toBe(join(folder, format, name));
    expect(readFileSync(report!.file).toString("latin1").startsWith(magic)).toBe(true);
  });

  it("keeps image files in the folder, with distinct and readable names, for any prompt", () => {
    const out = join(folder, "hostile");
    const prompts = join(folder, "hostile.json");
    const texts = [
      "../../escape",
      "/etc/passwd",
      "a\u0000b\u001b[2J",
      "CON",
      "..",
      "🦊🦊",
      "𝔸".repeat(300),
      "a".repeat(300),
    ];
    writeFileSync(prompts, JSON.stringify(texts));
    const args = ["--prompts-file", prompts, "--seed", "1", "--steps", "1", "--prior-steps", "2", "--output-path", out];
    const reports = generated([...dream, ...args]);
    expect(reports.map(({ prompt }) => prompt)).toEqual(texts);
    expect(reports.map(({ file: name }) => name.slice(out.length + 1))).toEqual([
      "escape-1.png",
      "etc-passwd-2.png",
      "a-b-2j-3.png",
      "con-4.png",
      "image-5.png",
      "image-6.png",
      `${"𝔸".repeat(25).toLowerCase()}-7.png`,
      `${"a".repeat(100)}-8.png`,
    ]);
    expect(readdirSync(out)).toHaveLength(texts.length);
  });

  const blank = join(folder, "blank.txt");
  writeFileSync(blank, "\n");

  it.each([
    [
      [],
      'Standard input ended before an answer to "Prompt 1". Add the answer, or give a prompt, --prompts-file, --from or --embeddings.',
    ],
    [["--prompt", "x", "--steps", "0"], "not a whole number of at least 1"],
    [["--prompt", "x", "--steps", "1,2,3"], "--steps has 3 numbers, but the decoder has 2 U-Nets"],
    [["--prompt", "x", "--format", "gif"], "Allowed choices are png, jpeg, webp"],
    [["--prompt", "x", "--model-config", join(folder, "prompts.txt")], "is not JSON"],
    [["x", "--samples", "2", "--seed", "9007199254740991"], "Use at most --seed 9007199254740990"],
    [
      ["x", "--samples", "2", "--decoder-samples", "2"],
      "--samples cannot be combined with --prior-samples or --decoder-samples",
    ],
    [[file], `To read prompts from it: --prompts-file ${file}`],
    [["examples/images/red-circle.png"], "dalle2 variation examples/images/red-circle.png"],
    [["--width", "512", "x"], "There is no option --width here"],
    [["x", "-s", "42"], "For a seed, use --seed 42"],
    [["--promt", "x"], "Did you mean --prompt?"],
    [["--prompts-file", blank], "there are no prompts in this file"],
  ])("ends with status 2 for %j", (args, message) => {
    const { status, stderr } = dalle2([...dream, ...args, "--output-path", join(folder, "none")]);
    expect(stderr).toContain(message);
    expect(status).toBe(2);
    expect(readdirSync(folder)).not.toContain("none");
  });

  it("ends with status 2 if a model cannot take that many steps", () => {
    const args = ["--prompt", "x", "--steps", "5000", "--output-path", join(folder, "steps")];
    const { status, stderr } = dalle2([...dream, ...args]);
    expect(stderr).toMatch(/^--steps must be 1 to \d+ for U-Net 1, not 5000\.$/m);
    expect(status).toBe(2);
  });

  // The models of this config cannot be loaded, so the error comes before loading.
  const nowhere = join(folder, "nowhere.json");
  writeFileSync(nowhere, JSON.stringify({ prior: { load_model_from: { load_type: "local", path: "absent.pth" } } }));

  it.each([
    ["below a file", join(file, "out"), `${file} is not a folder`],
    ["in place of a file", file, `${file} is not a folder`],
    ...(process.platform === "linux" ? [["below /proc", "/proc/none/out", "of /proc takes no new files"]] : []),
  ])("says before it loads models that images cannot be written: %s", (_, out, problem) => {
    const { status, stderr } = dalle2(["dream", "--model-config", nowhere, "--prompt", "x", "--output-path", out]);
    expect(stderr).toContain(`${out}: no files can be written there: `);
    expect(stderr).toContain(problem);
    expect(stderr).not.toContain("absent.pth");
    expect(status).toBe(1);
  });
});
