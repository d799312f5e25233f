import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import type { InspectReport } from "../../src/cli/inspect.js";
import { openFile } from "../../src/platform/node.js";
import { openCheckpoint } from "../../src/models/open-checkpoint.js";
import { toFloat32 } from "../../src/weights/dtypes.js";
import { measuredRun } from "../support/measured-run.js";
import { writeSparse } from "../support/sparse-file.js";
import {
  f32,
  hole,
  PickleText,
  scalar,
  sparseTorchZip,
  TestTensor,
  torchLegacy,
  torchZip,
  type TestTree,
} from "../support/torch-file.js";

const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "dalle2-weights-cli-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Runs the built command (`npm test` builds it first) to its end. */
function dalle2(...args: readonly string[]) {
  return spawnSync(process.execPath, [main, ...args], { encoding: "utf8", maxBuffer: 2 ** 26 });
}

function inspected(...args: readonly string[]): InspectReport {
  const { status, stdout, stderr } = dalle2("inspect", ...args, "--json");
  expect([status, stderr]).toEqual([0, ""]);
  return JSON.parse(stdout) as InspectReport;
}

function written(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

/** The two names that identify a decoder: enough for its component and the dialect of a known version. */
const DECODER = {
  "unets.0.to_time_hiddens.1.weight": f32([4, 1], [1, 2, 3, 4]),
  "noise_schedulers.0.betas": scalar(0.5),
};

describe("a tensor of an unsupported type", () => {
  const complex = new TestTensor([2], { dtype: "C64", bytes: new Uint8Array(16) });
  const source = () => written("complex.pth", torchZip({ ...DECODER, "unets.0.freqs": complex, freqs: complex }));

  it("is listed by inspect, and left out by convert with a warning", () => {
    expect(inspected(source()).tensors).toContainEqual({
      name: "unets.0.freqs",
      dtype: "complex64",
      shape: [2],
      parameters: 2,
    });
    expect(inspected(source()).skipped).toEqual([{ key: "freqs", what: "a tensor, complex64 [2]" }]);
    const out = join(folder, "complex.safetensors");
    const { status, stdout, stderr } = dalle2("convert", source(), out);
    expect([status, stdout]).toEqual([0, `${out}: 2 tensors\n`]);
    expect(stderr).toBe("Warning: tensor unets.0.freqs is left out: values of type complex64 are not supported\n");
    expect(inspected(out).tensors).toHaveLength(2);
  });

  it("is left out with the actual reason, which may be another than its type", () => {
    const args = "cbuiltins\nobject\nctorch\nfloat32\n(I2\nt";
    const wrapper = new PickleText(`ctorch._utils\n_rebuild_wrapper_subclass\n(${args}tR`);
    const file = written("wrapper.pth", torchZip({ ...DECODER, "unets.0.freqs": wrapper }));
    const { stderr } = dalle2("convert", file, join(folder, "wrapper.safetensors"));
    expect(stderr).toBe(
      "Warning: tensor unets.0.freqs is left out: a tensor that wraps others has no values of its own\n",
    );
  });
});

describe("dalle2 inspect", () => {
  const prior = fixture("dialect-1.1.0-prior-sample-cfg/model.pth");

  it("prints everything in the headers as JSON", async () => {
    const report = inspected(prior);
    expect(report).toMatchObject({
      file: prior,
      bytes: statSync(prior).size,
      format: "torch",
      container: "trainer save",
      weights: "online",
      availableWeights: ["online", "ema"],
      component: "prior",
      version: "1.1.0",
      dialect: { verified: true, dialect: { version: "1.1.0", network: { relposMult: 128 } } },
      warnings: [],
    });
    expect(report.dialect?.evidence).toMatchObject({
      relposMult: { value: 128, source: "version", detail: "version 1.1.0" },
    });
    const checkpoint = await openCheckpoint(await openFile(prior));
    const tensors = [...checkpoint.tensors.values()];
    expect(report.tensors.map(({ name, dtype, shape }) => [name, dtype, shape])).toEqual(
      tensors.map(({ name, dtype, shape }) => [name, dtype, [...shape]]),
    );
    // From torch: the sum of numel() over the state dict without clip.*, and over clip.*.
    expect([report.parameters, report.clip?.parameters]).toEqual([34778, 83265]);
    await checkpoint.close();
  });

  it("prints them as aligned text", () => {
    const { status, stdout } = dalle2("inspect", prior);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^ {2}component {3}prior$/m);
    expect(stdout).toMatch(/^ {2}weights {5}online \(also in the file: ema\)$/m);
    expect(stdout).toMatch(/^Dialect of 1\.1\.0$/m);
    expect(stdout).toMatch(/^ {2}relposMult +128 +version +version 1\.1\.0$/m);
    expect(stdout).toMatch(/^ {2}net\.causal_transformer\.layers\.0\.0\.null_kv +F32 +\[2, 16\] +32$/m);
  });

  it("marks dialects before 0.11 as unverified", () => {
    const report = (version: string) => inspected(written("old.pth", torchZip({ model: DECODER, version })));
    for (const version of ["0.5.0", "0.9.1", "0.10.9"]) expect(report(version).dialect?.verified).toBe(false);
    expect(report("0.11.0").dialect?.verified).toBe(true);
    expect(dalle2("inspect", written("old.pth", torchZip({ model: DECODER, version: "0.9.1" }))).stdout).toMatch(
      /^Dialect of 0\.9\.1.*, unverified/m,
    );
  });

  it("lists the requested weights", () => {
    const path = written("ema.pth", torchZip({ ema_model: { a: f32([2], [1, 2]) }, model: { a: f32([2], [3, 4]) } }));
    expect(inspected(path, "--weights", "ema").weights).toBe("ema");
    expect(dalle2("inspect", path, "--weights", "best").status).toBe(2);
  });

  it("has no dialect for a model of another family", () => {
    const report = inspected(written("other.pth", torchZip({ "layer.weight": scalar(1) })));
    expect(report).toMatchObject({ component: "unknown", dialect: null, version: null, config: null, clip: null });
  });

  it("replaces terminal control characters in names", () => {
    const { stdout } = dalle2("inspect", written("escape.pth", torchZip({ "a\u001b[2Jb": scalar(1) })));
    expect(stdout).toContain("a\uFFFD[2Jb");
  });

  it("keeps a name with a line break in one row", () => {
    const header = JSON.stringify({ "a\n  version  9": { dtype: "F32", shape: [], data_offsets: [0, 4] } });
    const bytes = Buffer.alloc(8 + header.length + 4);
    bytes.writeBigUInt64LE(BigInt(header.length));
    bytes.write(header, 8);
    const { stdout } = dalle2("inspect", written("rows.safetensors", bytes));
    expect(stdout).toContain("  a\uFFFD  version  9  F32");
  });

  it("lists the model at a key, and the other content of the file", () => {
    const path = written(
      "two.pth",
      torchZip({ first: DECODER, second: { "unets.0.mid_block1.a": scalar(7), "loss.a": scalar(1) }, epoch: 3 }),
    );
    const several = dalle2("inspect", path);
    expect([several.status, several.stderr]).toEqual([
      1,
      expect.stringMatching(/several models.*first \(a decoder, 2 tensors\)/),
    ]);
    expect(inspected(path, "--key", "second")).toMatchObject({
      key: "second",
      component: "decoder",
      skipped: [
        { key: "first", what: "a dict of 2" },
        { key: "second.loss", what: "a tensor, F32 [1]" },
        { key: "epoch", what: "the number 3" },
      ],
    });
    const { stdout } = dalle2("inspect", path, "--key", "second");
    expect(stdout).toMatch(/^ {2}container +dict, under second$/m);
    expect(stdout).toMatch(/^Also in the file, not read\n {2}first +a dict of 2\n/m);
    expect(dalle2("inspect", path, "--key", "third").stderr).toMatch(/no "third" in it.*keys first, second, epoch/);
    expect(dalle2("inspect", path, "--key", " ").status).toBe(2);
  });

  it("reports an invalid file with status 1", () => {
    const { status, stderr } = dalle2("inspect", written("page.pth", Buffer.from("<html>")));
    expect([status, stderr.includes("looks like a web page"), stderr.includes("    at ")]).toEqual([1, true, false]);
  });

  /** A decoder with twenty matrices of 256 MB. */
  const large: TestTree = {
    version: "1.1.0",
    model: {
      ...DECODER,
      ...Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`unets.0.mid.${i}.weight`, hole([8000, 8000])])),
    },
  };

  it("reads headers only: 5 GB in under a second", () => {
    const path = join(folder, "large.pth");
    writeSparse(path, sparseTorchZip(large));
    expect(statSync(path).size).toBeGreaterThan(5e9);
    const { stdout, cpuSeconds } = measuredRun(main, ["inspect", path, "--json"]);
    expect((JSON.parse(stdout) as InspectReport).parameters).toBe(20 * 8000 ** 2 + 5);
    // CPU time including the start of Node, as other processes may keep the machine busy. It is about a quarter of a second.
    expect(cpuSeconds).toBeLessThan(1);
    rmSync(path);
  });
});

describe("dalle2 convert", () => {
  const out = join(folder, "out", "model.safetensors");

  async function values(path: string): Promise<Record<string, number[]>> {
    const checkpoint = await openCheckpoint(await openFile(path));
    const all = await Promise.all(
      [...checkpoint.tensors.values()].map(async (entry) => [
        entry.name,
        [...toFloat32(entry.dtype, await entry.read())],
      ]),
    );
    await checkpoint.close();
    return Object.fromEntries(all) as Record<string, number[]>;
  }

  it("writes a file that loads like the original: version, dialect, config, CLIP", async () => {
    const config = { decoder: { unets: { dim: 4 }, timesteps: 1 } };
    const source = written(
      "decoder.pth",
      torchLegacy({ model: { ...DECODER, "clip.clip.proj": scalar(7) }, version: "1.10.4", config, optim0: {} }),
    );
    const { status, stdout } = dalle2("convert", source, out);
    expect([status, stdout]).toEqual([0, `${out}: 3 tensors\n`]);
    const [before, after] = [inspected(source), inspected(out)];
    expect(after).toMatchObject({ version: "1.10.4", config, component: "decoder" });
    expect(after.dialect).toEqual(before.dialect);
    expect(after.clip).toEqual(before.clip);
    const byName = ({ tensors }: InspectReport) => [...tensors].sort((a, b) => (a.name < b.name ? -1 : 1));
    expect(byName(after)).toEqual(byName(before));
    expect(await values(out)).toEqual(await values(source));
    const checkpoint = await openCheckpoint(await openFile(out));
    expect(JSON.parse(checkpoint.metadata.get("dialect")!)).toMatchObject({
      component: "decoder",
      version: "1.10.4",
      network: { downsample: "unshuffle1x1" },
    });
    await checkpoint.close();
  });

  it("does not store a guessed version: the dialect is detected again", () => {
    const source = fixture("unet-base/model.safetensors");
    dalle2("convert", source, out);
    expect(inspected(out).version).toBe(inspected(source).version);
    expect(inspected(out).dialect).toEqual(inspected(source).dialect);
  });

  it("takes EMA weights and rounds matrices on request", async () => {
    const model = { a: f32([1, 2], [1, 2]), b: scalar(3) };
    const source = written(
      "ema.pth",
      torchZip({ model, ema_model: { a: f32([1, 2], [5, 1.0001]), b: scalar(1.0001) } }),
    );
    expect(dalle2("convert", source, out, "--weights", "ema", "--dtype", "f16").status).toBe(0);
    expect(await values(out)).toEqual({ a: [5, 1], b: [Math.fround(1.0001)] });
    expect(
      inspected(out)
        .tensors.map(({ name, dtype }) => [name, dtype])
        .sort(),
    ).toEqual([
      ["a", "F16"],
      ["b", "F32"],
    ]);
  });

  it("takes the model at a key", async () => {
    const source = written("keys.pth", torchZip({ best: { a: scalar(1) }, last: { a: scalar(2) } }));
    expect(dalle2("convert", source, out, "--key", "last").status).toBe(0);
    expect(await values(out)).toEqual({ a: [2] });
  });

  it("stores the nonzero rows of tables", async () => {
    const source = written("table.pth", torchZip({ t: f32([3, 1], [0, 2, 0]), u: f32([2, 1], [0, 1]) }));
    expect(dalle2("convert", source, out, "--sparse-rows", "t", "--sparse-rows", "u").status).toBe(0);
    expect(await values(out)).toEqual({ t: [0, 2, 0], u: [0, 1] });
  });

  it.each([
    [["in.pth", "out.pth"], 2, /must end in \.safetensors/],
    [["in.pth"], 2, /missing required argument/],
    [["in.pth", "x.safetensors"], 2, /in\.pth: could not be opened/],
    [["in.pth", "x.safetensors", "--dtype", "f8"], 2, /Allowed choices are f16, f32/],
  ])("%j ends with status %d", (args, expected, message) => {
    const { status, stderr } = dalle2("convert", ...args);
    expect(status).toBe(expected);
    expect(stderr).toMatch(message);
  });

  it("leaves no file when it fails", () => {
    const source = written("overflow.pth", torchZip({ a: f32([1, 1], [1e9]) }));
    const place = join(folder, "failed");
    const { status, stderr } = dalle2("convert", source, join(place, "x.safetensors"), "--dtype", "f16");
    expect(status).toBe(1);
    expect(stderr).toMatch(/a: the value 1000000000 does not fit into f16/);
    expect(readdirSync(place)).toEqual([]);
  });

  it("does not load WebGPU", () => {
    const source = written("small.pth", torchZip({ a: scalar(1) }));
    const hook = written(
      "no-webgpu.mjs",
      Buffer.from(
        `import { register } from "node:module";
register("data:text/javascript," + encodeURIComponent(\`export function resolve(name, context, next) {
  if (name === "webgpu" || name === "sharp") throw new Error("loaded " + name);
  return next(name, context);
}\`));`,
      ),
    );
    const run = spawnSync(process.execPath, ["--import", hook, main, "convert", source, out], { encoding: "utf8" });
    expect([run.stderr, run.status]).toEqual(["", 0]);
  });
});
