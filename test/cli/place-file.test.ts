import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import type * as Fs from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { placeFile, prepareFolder } from "../../src/cli/generating/place-file.js";
import { FileError } from "../../src/platform/errors.js";
import { writeFileAtomic } from "../../src/platform/node.js";
import { temporaryPath } from "../../src/platform/node-temporary-files.js";

/** Whether the tested file system lacks links. */
let refusesLinks = false;

vi.mock("node:fs", async (original) => {
  const fs = await original<typeof Fs>();
  const linkSync: typeof fs.linkSync = (...args) => {
    if (refusesLinks) throw Object.assign(new Error("EPERM"), { code: "EPERM", errno: -1, syscall: "link" });
    fs.linkSync(...args);
  };
  return { ...fs, linkSync };
});

const root = mkdtempSync(join(tmpdir(), "place-"));
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(root, "run-"));
});
afterEach(() => {
  refusesLinks = false;
});
afterAll(() => {
  rmSync(root, { recursive: true });
});

const bytes = (text: string) => new TextEncoder().encode(text);
const uuid = "01234567-89ab-cdef-0123-456789abcdef";

describe.each([
  ["with links", false],
  ["without links", true],
])("placeFile on a file system %s", (_, without) => {
  beforeEach(() => {
    refusesLinks = without;
  });

  it("takes the first free name, or replaces", () => {
    const place = (text: string, overwrite = false) => placeFile(folder, "ring-1.png", bytes(text), { overwrite });
    expect(place("a")).toBe(join(folder, "ring-1.png"));
    expect(place("b")).toBe(join(folder, "ring-1_2.png"));
    expect(place("c")).toBe(join(folder, "ring-1_3.png"));
    expect(place("d", true)).toBe(join(folder, "ring-1.png"));
    const found = Object.fromEntries(
      readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), "utf8")]),
    );
    expect(found).toEqual({ "ring-1.png": "d", "ring-1_2.png": "b", "ring-1_3.png": "c" });
  });

  it("never takes the name of a folder, and leaves no file when it fails", () => {
    mkdirSync(join(folder, "ring.png"));
    expect(placeFile(folder, "ring.png", bytes("a"), { overwrite: false })).toBe(join(folder, "ring_2.png"));
    expect(() => placeFile(folder, "ring.png", bytes("a"), { overwrite: true })).toThrow(FileError);
    expect(() => placeFile(join(folder, "none"), "ring.png", bytes("a"), { overwrite: false })).toThrow(FileError);
    expect(readdirSync(folder).sort()).toEqual(["ring.png", "ring_2.png"]);
  });
});

describe("a temporary file of a killed run", () => {
  const leave = (name: string, seconds: number) => {
    writeFileSync(join(folder, name), "half");
    const then = Date.now() / 1000 - seconds;
    utimesSync(join(folder, name), then, then);
  };

  it("is removed from a folder of images once no process can be writing it; other files remain", async () => {
    const others = [`.notes.txt.${uuid}.tmp`, "a.png", "a.tmp", ".b.png.tmp"];
    for (const name of others) leave(name, 3600);
    leave(`.ring-1.png.${uuid}.tmp`, 3600);
    leave(`ring-1.webp.${uuid}.tmp`, 3600);
    leave(`.ring-2.jpg.${uuid}.tmp`, 1);
    await prepareFolder(folder);
    expect(readdirSync(folder).sort()).toEqual([...others, `.ring-2.jpg.${uuid}.tmp`].sort());
  });

  it.skipIf(process.platform === "win32")("is removed immediately if its process has ended", async () => {
    const module = new URL("../../dist/platform/node-temporary-files.js", import.meta.url).href;
    const leaveThree = `
      import { writeFileSync } from "node:fs";
      const { temporaryPath } = await import(${JSON.stringify(module)});
      for (let i = 0; i < 3; i++) writeFileSync(temporaryPath(${JSON.stringify(join(folder, "ring.png"))}), "half");
      process.kill(process.pid, "SIGKILL");
    `;
    const child = spawn(process.execPath, ["--input-type=module", "-e", leaveThree], { stdio: "inherit" });
    await once(child, "exit");
    expect(readdirSync(folder)).toHaveLength(3);
    const own = temporaryPath(join(folder, "ring.png"));
    writeFileSync(own, "half");
    await prepareFolder(folder);
    expect(readdirSync(folder)).toEqual([basename(own)]);
  });

  it("is removed when the same file is written again", async () => {
    leave(`.prior.safetensors.${uuid}.tmp`, 3600);
    leave(`.other.safetensors.${uuid}.tmp`, 3600);
    await writeFileAtomic(join(folder, "prior.safetensors"), bytes("whole"));
    expect(readdirSync(folder).sort()).toEqual([`.other.safetensors.${uuid}.tmp`, "prior.safetensors"]);
  });
});

it("refuses to write a file whose name is a folder", async () => {
  let isAsked = false;
  async function* data() {
    isAsked = true;
    yield await Promise.resolve(bytes("a"));
  }
  mkdirSync(join(folder, "out.safetensors"));
  await expect(writeFileAtomic(join(folder, "out.safetensors"), data())).rejects.toThrow(
    /out\.safetensors: could not be written: it is a folder; name a file in it$/,
  );
  expect([isAsked, readdirSync(folder)]).toEqual([false, ["out.safetensors"]]);
});

it("never shows a partial file, whenever the process is killed", async () => {
  const size = 400_000;
  const module = join(root, "place-file.mjs");
  await build({
    entryPoints: [fileURLToPath(new URL("../../src/cli/generating/place-file.ts", import.meta.url))],
    bundle: true,
    platform: "node",
    format: "esm",
    external: ["#platform"],
    outfile: module,
    logLevel: "silent",
  });
  const script = `
    const { placeFile } = await import(${JSON.stringify(pathToFileURL(module).href)});
    const data = new Uint8Array(${size}).fill(7);
    for (let i = 0; i < 500; i++) placeFile(${JSON.stringify(folder)}, "ring.png", data, { overwrite: i % 3 === 2 });
  `;
  const seen = new Set<string>();
  let kills = 0;
  for (let run = 0; run < 12; run++) {
    const before = readdirSync(folder).length;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "inherit" });
    const ended = once(child, "exit");
    let killAt = Infinity;
    while (child.exitCode === null && child.signalCode === null) {
      // A watcher that reads each file that appears.
      const names = readdirSync(folder).filter((name) => !name.startsWith("."));
      for (const name of names) if (readFileSync(join(folder, name)).length !== size) seen.add(name);
      if (killAt === Infinity && readdirSync(folder).length > before) killAt = performance.now() + run;
      if (performance.now() >= killAt) child.kill("SIGKILL");
      await pause(0);
    }
    await ended;
    if (child.signalCode === "SIGKILL") kills++;
    const left = readdirSync(folder).filter((name) => !name.startsWith("."));
    for (const name of left) if (readFileSync(join(folder, name)).length !== size) seen.add(name);
    for (const name of left) rmSync(join(folder, name));
  }
  expect([...seen]).toEqual([]);
  // Children that end by themselves show nothing.
  expect(kills).toBeGreaterThan(0);
}, 60_000);
