// Deno with the packed package, and without the package webgpu: its own WebGPU is all it needs.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DoctorReport } from "../../src/cli/doctor.js";
import { dalle2, readImage } from "../support/cli.js";
import { DENO, installPacked, runProgram } from "../support/runtimes.js";

describe.skipIf(DENO === undefined)("Deno", () => {
  const folder = mkdtempSync(join(tmpdir(), "deno-"));
  const deno = (...args: string[]) => runProgram(DENO!, ["run", "-A", ...args], folder);

  beforeAll(() => {
    installPacked(folder, ["webgpu"]);
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it("is named by doctor with its WebGPU, which computes right", async () => {
    const { status, stdout, stderr } = await deno("npm:dalle2-webgpu", "doctor", "--json");
    expect(status, stderr).toBe(0);
    const report = JSON.parse(stdout) as DoctorReport;
    expect(report.runtime).toMatch(/^Deno \d/);
    expect(report.adapter.implementation).toBe("wgpu");
    // wgpu gives numbers for both.
    expect(`${report.adapter.vendor} ${report.adapter.device}`).toMatch(/^[a-z-]+ .*[a-z]/i);
    expect(report.pass).toBe(true);
  });

  it("generates the image that Node does, as far as two implementations round alike, and decodes it", async () => {
    const args = ["dream", "--prompt", "a red circle", "--seed", "1", "--dtype", "f32"];
    const { status, stderr } = await deno("npm:dalle2-webgpu", ...args, "--output-path", "deno");
    expect(status, stderr).toBe(0);
    expect(dalle2([...args, "--output-path", join(folder, "node")]).status).toBe(0);
    const [ours, theirs] = await Promise.all(
      ["deno", "node"].map((name) => readImage(join(folder, name, "a-red-circle-1.png"))),
    );
    const differences = ours!.data.map((value, i) => Math.abs(value - theirs!.data[i]!));
    // Both compilers may order sums differently. On lavapipe the difference is 0; a value near the half rounds either way.
    expect(Math.max(...differences)).toBeLessThanOrEqual(1);
    expect(new Set(ours!.data).size).toBeGreaterThan(8);

    const again = await deno(
      "npm:dalle2-webgpu",
      "variation",
      "--image",
      "deno",
      "--seed",
      "1",
      "--format",
      "webp",
      "--output-path",
      "again",
    );
    expect(again.status, again.stderr).toBe(0);
    expect(existsSync(join(folder, "again", "a-red-circle-1-1.webp"))).toBe(true);
  });

  it("decodes as Node does, and takes Dawn where its flags are given, or says how to get it", async () => {
    const script = join(folder, "script.js");
    const image = join(process.cwd(), "test/fixtures/images/cmyk.jpg");
    writeFileSync(
      script,
      `import { decodeImage, openWebGpu } from "./node_modules/dalle2-webgpu/dist/platform/node.js";
      const { width, height, data } = await decodeImage(Deno.readFileSync(${JSON.stringify(image)}));
      let sum = 0;
      for (const value of data) sum += value;
      const { missing, advice } = await openWebGpu({ flags: ["backend=vulkan"] });
      console.log(JSON.stringify({ width, height, sum, missing, advice }));`,
    );
    const { status, stdout, stderr } = await deno(script);
    expect(status, stderr).toBe(0);
    const { data, width, height } = await readImage(image);
    const sum = data.reduce((total, value) => total + value, 255 * width * height);
    const found = JSON.parse(stdout) as Record<string, unknown>;
    expect(found).toMatchObject({ width, height, sum });
    expect(found.missing).toMatch(/^The package webgpu could not be loaded \(Deno on .*\): /);
    expect(found.advice).toMatch(/--unstable-webgpu/);
  });
});
