import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "stderr-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Runs a script by a shell that leads its standard error elsewhere; what it writes to that itself is native code's way. */
function run(script: string, redirection: string) {
  const code = `
    import { closeSync, readdirSync, writeSync } from "node:fs";
    import { readFile } from "node:fs/promises";
    import { withoutLines } from "./dist/platform/node-stderr.js";
    const native = (text) => writeSync(2, text);
    const count = () => readdirSync("/proc/self/fd").length;
    ${script}`;
  return spawnSync("sh", ["-c", `"$0" --input-type=module -e "$1" ${redirection}`, process.execPath, code], {
    encoding: "utf8",
  });
}

const FILTER = `
  native("before\\n");
  process.stderr.write("also before\\n");
  const open = count();
  const result = withoutLines(/^noise/, () => { native("noise 1\\nkept\\nnoise 2\\nno noise"); return 7; });
  native("\\nafter\\n");
  process.stderr.write("also after " + result + " " + (count() - open) + "\\n");`;

describe.runIf(process.platform === "linux")("withoutLines", () => {
  it("drops the lines alone, puts standard error back, and keeps no file open", () => {
    const { stdout } = run(FILTER, "2>&1 >/dev/null | cat");
    expect(stdout).toBe("before\nalso before\nkept\nno noise\nafter\nalso after 7 0\n");
  });

  it("does so where the body throws", () => {
    const { stdout } = run(
      `try { withoutLines(/^noise/, () => { native("noise\\n"); throw new Error("body"); }); } catch ({ message }) { native(message); }`,
      "2>&1 >/dev/null | cat",
    );
    expect(stdout).toBe("body");
  });

  it("has a writer hear that its reader has gone, as before", () => {
    const file = join(folder, "code");
    run(
      `withoutLines(/^noise/, () => native("noise\\n"));
      let code;
      for (let i = 0; i < 1000 && code === undefined; i++) {
        try { native("x".repeat(1000)); } catch (error) { code = error.code; }
      }
      (await import("node:fs")).writeFileSync(${JSON.stringify(file)}, String(code));`,
      "2>&1 >/dev/null | true",
    );
    expect(readFileSync(file, "utf8")).toBe("EPIPE");
  });

  it("lets all pass into a file, whose text before and after stays", () => {
    const file = join(folder, "log");
    run(FILTER, `2>"${file}"`);
    expect(readFileSync(file, "utf8")).toBe(
      "before\nalso before\nnoise 1\nkept\nnoise 2\nno noise\nafter\nalso after 7 0\n",
    );
  });

  it("lets all pass while files are being opened, whose numbers must not be mixed up", () => {
    const { stdout } = run(
      `const reading = readFile("package.json");
      withoutLines(/^noise/, () => native("noise\\n"));
      await reading;
      withoutLines(/^noise/, () => native("noise\\n"));`,
      "2>&1 >/dev/null | cat",
    );
    expect(stdout).toBe("noise\n");
  });
});
