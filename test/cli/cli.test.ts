import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { DoctorReport } from "../../src/cli/doctor.js";

const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

/** Runs the built command (`npm test` builds it first) to its end. */
function dalle2(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  return spawnSync(process.execPath, [main, ...args], { encoding: "utf8", env: { ...process.env, ...env } });
}

describe("dalle2", () => {
  it("lists its commands", () => {
    const { status, stdout } = dalle2(["--help"]);
    expect(status).toBe(0);
    for (const command of ["setup", "doctor", "verify"]) expect(stdout).toMatch(new RegExp(`^ +${command} `, "m"));
  });

  it.each([[["no-such-command"]], [["constructor"]], [["doctor", "--no-such-option"]], [[]]])(
    "ends with status 2 for %j",
    (args) => {
      const { status, stderr } = dalle2(args);
      expect(status).toBe(2);
      expect(stderr).toMatch(/error: unknown (command|option)|Usage: dalle2/);
    },
  );

  it("doctor reports the adapter and passes its self-test", () => {
    const { status, stdout } = dalle2(["doctor", "--json"]);
    const report = JSON.parse(stdout) as DoctorReport;
    expect(status).toBe(0);
    expect(report.pass).toBe(true);
    expect(report.adapter.description).not.toBe("");
    expect(report.limits.maxStorageBufferBindingSize).toBeGreaterThanOrEqual(128 * 1024 * 1024);
    expect(Object.keys(report.features).sort()).toEqual(["f16", "subgroupMatrix", "subgroups", "timestamps"]);
  });

  // Only on Linux can the environment hide every driver.
  it.runIf(process.platform === "linux")("says what to do if there is no adapter, without a stack", () => {
    const hidden = { VK_ICD_FILENAMES: "/nowhere.json", VK_DRIVER_FILES: "/nowhere.json" };
    const { status, stderr } = dalle2(["doctor"], hidden);
    expect(status).toBe(1);
    expect(stderr).toContain("dalle2 setup");
    expect(stderr).not.toMatch(/^\s+at .*\.js:\d+/m);
    expect(dalle2(["doctor"], { ...hidden, DALLE2_DEBUG: "1" }).stderr).toMatch(/^\s+at .*\.js:\d+/m);
  });
});
