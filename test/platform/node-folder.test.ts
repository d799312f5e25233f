import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { makeFolder } from "../../src/platform/node-folder.js";

const root = mkdtempSync(join(tmpdir(), "folder-"));
afterAll(() => {
  rmSync(root, { recursive: true });
});

describe("makeFolder", () => {
  it("makes a folder and those it is in, and takes one that is there, whoever makes it", async () => {
    const deep = join(root, "a", "b", "c");
    await Promise.all([makeFolder(deep), makeFolder(deep), makeFolder(join(root, "a", "d"))]);
    await makeFolder(`${deep}/`);
    await makeFolder(".");
    expect(statSync(deep).isDirectory()).toBe(true);
    expect(existsSync(join(root, "a", "d"))).toBe(true);
  });

  it("rejects below a file, and if a file has the name", async () => {
    writeFileSync(join(root, "file"), "");
    await expect(makeFolder(join(root, "file"))).rejects.toThrow(/EEXIST/);
    await expect(makeFolder(join(root, "file", "in"))).rejects.toThrow(/ENOTDIR/);
  });

  // Node's mkdir with `recursive` never ends there, in a thread that stops only with the process.
  it.skipIf(process.platform !== "linux")("rejects if a file system accepts no folders", () => {
    const module = new URL("../../dist/platform/node-folder.js", import.meta.url).href;
    const script = `const { makeFolder } = await import(${JSON.stringify(module)});
      await makeFolder("/proc/none/such").catch(({ code }) => console.log(code));`;
    const { stdout, status } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      encoding: "utf8",
      timeout: 20_000,
    });
    expect([stdout.trim(), status]).toEqual(["ENOENT", 0]);
  });
});
