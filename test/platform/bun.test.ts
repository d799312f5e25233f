import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { DoctorReport } from "../../src/cli/doctor.js";
import { CLI, dalle2, readImage } from "../support/cli.js";
import { BUN, runProgram } from "../support/runtimes.js";

describe.skipIf(BUN === undefined)("Bun", () => {
  const folder = mkdtempSync(join(tmpdir(), "bun-"));
  const bun = (...args: string[]) => runProgram(BUN!, [CLI, ...args], folder);

  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it("is named by doctor with Dawn, which computes right", async () => {
    const { status, stdout, stderr } = await bun("doctor", "--json");
    expect(status, stderr).toBe(0);
    const report = JSON.parse(stdout) as DoctorReport;
    expect(report.runtime).toMatch(/^Bun \d/);
    expect(report.adapter.implementation).toMatch(/^(Dawn|wgpu)$/);
    expect(report.pass).toBe(true);
  });

  it("generates the image that Node does, and decodes it", async () => {
    const args = ["dream", "--prompt", "a red circle", "--seed", "1"];
    const { status, stderr } = await bun(...args, "--output-path", "bun");
    expect(status, stderr).toBe(0);
    expect(dalle2([...args, "--output-path", join(folder, "node")]).status).toBe(0);
    const [ours, theirs] = await Promise.all(
      ["bun", "node"].map((name) => readImage(join(folder, name, "a-red-circle-1.png"))),
    );
    const differences = ours!.data.map((value, i) => Math.abs(value - theirs!.data[i]!));
    // The same Dawn on the same adapter.
    expect(Math.max(...differences)).toBe(0);

    const again = await bun("variation", "--image", "bun", "--seed", "1", "--format", "jpeg", "--output-path", "again");
    expect(again.status, again.stderr).toBe(0);
    expect(existsSync(join(folder, "again", "a-red-circle-1-1.jpg"))).toBe(true);
  });
});
