import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { CLI, dalle2, interrupted } from "../support/cli.js";

const folder = mkdtempSync(join(tmpdir(), "dalle2-asking-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe("a pipe", () => {
  it.each([
    ["dream", "\n", 'There is an empty line instead of an answer to "Prompt 1"'],
    ["dream", "prompts-that-are-not-there.txt\n", "There is no such file."],
    ["dream", "a ring\n\nnone\n", "It must be a whole number of at least 1."],
    ["variation", "", 'Standard input ended before an answer to "File 1". Add the answer, or give the image files.'],
    ["variation", "nowhere.png\n", "nowhere.png: could not be read: no such file or folder"],
    ["inpaint", "configs/shapes.json\n", 'Standard input ended before an answer to "Mask for shapes.json"'],
    ["interpolate", "a ring\n", 'Standard input ended before an answer to "End: an image file, or a prompt"'],
    ["interpolate", "nowhere.png\n", "nowhere.png: could not be read: no such file or folder"],
  ])("that does not answer %s ends it with status 2: %j", (command, input, message) => {
    const { status, stderr, stdout } = dalle2([command, "--output-path", join(folder, "none")], input);
    expect(stderr).toContain(message);
    expect(status).toBe(2);
    expect(stdout).toBe("");
    expect(readdirSync(folder)).not.toContain("none");
  });
});

it("ends with status 130 when interrupted while it waits for a pipe", async () => {
  const { status, stderr } = await interrupted(["dream"], /Prompt 1/);
  expect(status).toBe(130);
  expect(stderr.trimEnd().split("\n").at(-1)).toBe("Interrupted.");
});

const hasScript = process.platform === "linux" && spawnSync("script", ["--version"]).status === 0;

// util-linux's `script` runs a program in a pseudo-terminal.
describe.runIf(hasScript)("a terminal", () => {
  it("gets questions and a progress bar", async () => {
    const out = join(folder, "typed");
    const { status, output } = await typed(
      ["dream", "--steps", "1", "--prior-steps", "2", "--seed", "1", "--output-path", out],
      [
        ["Prompt 1", "a ring\r"],
        ["Prompt 2", "\r"],
        ["for each prompt? [1]", "0\r"],
        ["It must be a whole number of at least 1.", "\u007f2\r"],
      ],
    );
    expect(status, output).toBe(0);
    expect(readdirSync(out)).toEqual(["a-ring-1.png", "a-ring-2.png"]);
    expect(output).toMatch(/[█░]{24} +\d+ % /u);
  });

  it("gets a question before downloads are removed", async () => {
    const cache = join(folder, "cache");
    mkdirSync(cache);
    for (const name of ["prior.pth", "prior.pth.checksum"]) writeFileSync(join(cache, name), "prior");
    const clear = ["cache", "clear", "--folder", cache];
    const refused = await typed(clear, [["Remove 1 file, 5 bytes", "n"]]);
    expect([refused.status, readdirSync(cache).length]).toEqual([0, 2]);
    expect(refused.output).toContain("nothing was removed");
    const agreed = await typed(clear, [["Remove 1 file, 5 bytes", "y"]]);
    expect([agreed.status, readdirSync(cache).length], agreed.output).toEqual([0, 0]);
  });

  it("can answer with Ctrl-C: status 130", async () => {
    const { status, output } = await typed(["dream"], [["Prompt 1", "\u0003"]]);
    expect(status).toBe(130);
    expect(output).toContain("Interrupted.");
  });

  /** Runs the command in a terminal and types each answer as soon as its question has appeared. */
  async function typed(args: readonly string[], answers: readonly (readonly [question: string, keys: string])[]) {
    const command = ["stty cols 100 rows 30;", process.execPath, CLI, ...args].join(" ");
    // On a "dumb" terminal, the default on some machines, backspace does nothing.
    const env = { ...process.env, TERM: "xterm" };
    const child = spawn("script", ["--quiet", "--return", "--command", command, "/dev/null"], { env });
    let output = "";
    let seen = 0;
    const left = [...answers];
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      const at = output.indexOf(left[0]?.[0] ?? "\0", seen);
      if (at < 0) return;
      seen = at + 1;
      child.stdin.write(left.shift()![1]);
    });
    const [status] = (await once(child, "close")) as [number | null];
    return { status, output };
  }
});
