import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CacheReport } from "../../src/cli/cache.js";
import { dalle2 } from "../support/cli.js";

let folder: string;
const url = "https://example.org/models/latest.pth";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cache-cli-"));
  for (const [name, content] of Object.entries({
    "prior.pth": "prior",
    "prior.pth.record.json": JSON.stringify({ url, size: 5, modified: 0, sha256: "" }),
    "decoder.pth": "decoder",
    "decoder.pth.checksum": "as dalle2-laion keeps it",
    "clip.pt.0123.part": "half",
    "clip.pt.0123.part.json": JSON.stringify({ url: "https://example.org/clip.pt\u001b[2J", size: 9 }),
    "notes.txt": "mine",
  }))
    writeFileSync(join(folder, name), content);
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

function report(...args: string[]): CacheReport {
  const { status, stdout, stderr } = dalle2(["cache", ...args, "--json"], "", { DALLE2_CACHE: folder });
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout) as CacheReport;
}

describe("dalle2 cache", () => {
  it("lists the downloads of the user's cache", () => {
    const { bytes, files } = report("list");
    expect(bytes).toBe(4 + 7 + 5);
    expect(files.map(({ name, isComplete, bytes, totalBytes }) => [name, isComplete, bytes, totalBytes])).toEqual([
      ["clip.pt.0123.part", false, 4, 9],
      ["decoder.pth", true, 7, 7],
      ["prior.pth", true, 5, 5],
    ]);
    expect(files[2]).toMatchObject({ path: join(folder, "prior.pth"), url });
  });

  it("lists those of any folder as text, without terminal control characters in names", () => {
    const { stdout, status } = dalle2(["cache", "list", "--folder", folder]);
    expect(status).toBe(0);
    expect(stdout).toBe(
      [
        "clip.pt.0123.part",
        "  4 bytes of 9 bytes, unfinished",
        "  https://example.org/clip.pt\uFFFD[2J",
        "decoder.pth",
        "  7 bytes",
        "prior.pth",
        "  5 bytes",
        `  ${url}`,
        `${folder}: 3 files, 16 bytes`,
        "",
      ].join("\n"),
    );
  });

  it("removes downloads by name or URL, then all others, but no other files", () => {
    expect(report("clear", "-y", url, "decoder.pth").files.map(({ name }) => name)).toEqual([
      "decoder.pth",
      "prior.pth",
    ]);
    expect(readdirSync(folder).sort()).toEqual(["clip.pt.0123.part", "clip.pt.0123.part.json", "notes.txt"]);
    expect(report("clear", "--yes").bytes).toBe(4);
    expect(readdirSync(folder)).toEqual(["notes.txt"]);
    expect(report("list").files).toEqual([]);
  });

  it("removes nothing without --yes if there is no terminal, and does not ask if there are no downloads", () => {
    const { status, stderr, stdout } = dalle2(["cache", "clear", "--folder", folder]);
    expect(status).toBe(2);
    expect(stderr).toContain(`remove 3 files, 16 bytes in ${folder}: this is not a terminal. Use --yes`);
    expect(stdout).toBe("");
    expect(readdirSync(folder)).toHaveLength(7);
    const one = dalle2(["cache", "clear", "prior.pth", "--folder", folder]);
    expect(one.stderr).toContain("1 file, 5 bytes");
    expect(dalle2(["cache", "clear", "--folder", join(folder, "empty")])).toMatchObject({ status: 0 });
  });

  it("removes nothing if a name is unknown", () => {
    const { status, stderr } = dalle2(["cache", "clear", "prior.pth", "notes.txt", "--folder", folder]);
    expect(status).toBe(2);
    expect(stderr).toContain(`notes.txt: no such download in ${folder}; run dalle2 cache list to see the downloads`);
    expect(readdirSync(folder)).toHaveLength(7);
  });
});
