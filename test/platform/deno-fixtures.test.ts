import { describe, expect, it } from "vitest";
import type { VerifyResult } from "../../src/fixture/result.js";
import { CLI } from "../support/cli.js";
import { DENO, runProgram } from "../support/runtimes.js";

// Deno waits 10 ms whenever the host waits for the GPU: this takes minutes, most of them asleep.
describe.skipIf(DENO === undefined)("Deno, whose WebGPU is wgpu and whose compiler is Naga", () => {
  it.concurrent.each(["f32", "f16"])(
    "computes what the reference does in every fixture: %s",
    { timeout: 600_000 },
    async (dtype) => {
      const { status, stdout, stderr } = await runProgram(DENO!, [
        "run",
        "-A",
        CLI,
        "verify",
        "test/fixtures",
        "--dtype",
        dtype,
        "--json",
      ]);
      const results = JSON.parse(stdout || "[]") as VerifyResult[];
      expect(
        results.filter(({ pass }) => !pass),
        stderr,
      ).toEqual([]);
      expect(results.length, stderr).toBeGreaterThan(150);
      expect(status).toBe(0);
    },
  );
});
