import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ConfigReport } from "../../src/cli/test.js";
import { CLI } from "../support/cli.js";
import { FaultServer } from "../support/fault-server.js";
import { fixtureFolder } from "../support/golden.js";

const fixture = fixtureFolder("pipeline");
const bytesOf = (name: string) => readFileSync(join(fixture, name));
const sha256 = (name: string) => createHash("sha256").update(bytesOf(name)).digest("hex");

let folder: string;
let server: FaultServer;
let base: string;

/** Serves the files of the fixture, and their checksums as `NAME.sha256`. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "load-config-"));
  server = await FaultServer.start();
  for (const name of readdirSync(fixture)) {
    server.files.set(`/${name}`, { content: bytesOf(name) });
    server.files.set(`/${name}.sha256`, { content: new TextEncoder().encode(sha256(name)) });
  }
  base = server.url();
});

afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

/** Runs `dalle2 test` without blocking this process, which runs the server. */
async function test(...args: readonly string[]) {
  const child = execFile(process.execPath, [CLI, "test", ...args], {
    cwd: folder,
    env: { ...process.env, XDG_CACHE_HOME: folder },
  });
  const said = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name]!.on("data", (chunk: string) => {
      said[name] += chunk;
    });
  }
  const [status] = (await once(child, "close")) as [number | null];
  return { status, ...said };
}

function writeConfig(name: string, config: object): string {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify(config));
  return path;
}

const remote = (name: string, more: object = {}) => ({
  load_type: "url",
  path: `${base}/${name}`,
  checksum_file_path: `${base}/${name}.sha256`,
  cache_dir: "./models",
  ...more,
});

describe("dalle2 test", () => {
  it("downloads the files of a config, prints their checksums, and loads the models; the next time without the server", async () => {
    const config = writeConfig("remote.json", {
      decoder: {
        unet_sources: [
          {
            unet_numbers: [1],
            load_model_from: remote("decoder.safetensors", { filename_override: "first.safetensors" }),
          },
          { unet_numbers: [2], load_model_from: remote("upsampler.safetensors") },
        ],
      },
      prior: {
        load_model_from: remote("prior.pth"),
        load_config_from: remote("prior_config.json", { cache_dir: null }),
      },
      clip: { model: "tiny", load_model_from: { load_type: "local", path: join(fixture, "clip.safetensors") } },
      devices: "cpu",
    });
    const first = await test("--model-config", config, "--json");
    expect(first.status, first.stderr).toBe(0);
    const { files, models } = JSON.parse(first.stdout) as ConfigReport;
    expect(files.map(({ place, sha256: found }) => [place, found])).toEqual([
      ["decoder.unet_sources[0].load_model_from", sha256("decoder.safetensors")],
      ["decoder.unet_sources[1].load_model_from", sha256("upsampler.safetensors")],
      ["prior.load_model_from", sha256("prior.pth")],
      ["prior.load_config_from", sha256("prior_config.json")],
      ["clip.load_model_from", sha256("clip.safetensors")],
    ]);
    const [{ location, path, checksumFile, bytes, problem }] = files as [(typeof files)[0]];
    expect({ location, path, checksumFile, bytes, problem }).toEqual({
      location: `${base}/decoder.safetensors`,
      path: join(folder, "models", "first.safetensors"),
      checksumFile: `${base}/decoder.safetensors.sha256`,
      bytes: bytesOf("decoder.safetensors").length,
      problem: null,
    });
    expect(first.stderr).toContain(`Downloads are kept in ${join(folder, "dalle2-webgpu")}`);
    expect(models).toMatchObject({
      dtype: "f32",
      prior: { version: "1.14.0" },
      decoder: [
        { unetNumber: 1, imageSize: 16 },
        { unetNumber: 2, imageSize: 32 },
      ],
      clip: { make: "openai", model: "tiny" },
    });

    const asked = server.requests.length;
    const second = await test(config, "--suppress-updates", "--no-load");
    expect(second.status, second.stderr).toBe(0);
    expect(second.stderr).toBe("");
    expect(second.stdout).toContain(`  Checksum: ${base}/prior.pth.sha256\n  SHA-256: ${sha256("prior.pth")}`);
    expect(server.requests).toHaveLength(asked);
  });

  it("reports every file that cannot be used, with status 1", async () => {
    const config = writeConfig("faulty.json", {
      decoder: { unet_sources: [{ unet_numbers: [1], load_model_from: remote("absent.pth") }] },
      prior: { load_model_from: { load_type: "local", path: "nowhere.pth" } },
      clip: { model: "tiny", load_model_from: remote("clip.safetensors") },
    });
    const { status, stdout, stderr } = await test("--model-config", config);
    expect(status, stderr).toBe(1);
    expect(stdout).toMatch(/Cannot be used: .*\/absent\.pth.*\(HTTP status 404\)/);
    expect(stdout).toMatch(/Cannot be used: nowhere\.pth: there is no such file in the folder of .* or/);
    expect(stdout).toContain(`  SHA-256: ${sha256("clip.safetensors")}`);
    expect(stdout.trimEnd()).toMatch(/2 of 3 files cannot be used\.$/);
  });

  it("reads a config from a server, and refuses an invalid one with status 2", async () => {
    const served = await test("--model-config", `${base}/load_config.json`, "--no-load", "--json");
    expect(served.status, served.stderr).toBe(0);
    const { config, files } = JSON.parse(served.stdout) as ConfigReport;
    expect(config).toBe(`${base}/load_config.json`);
    expect(files.map(({ location }) => location)).toContain("prior.pth");
    const two = await test("a.json", "--model-config", "b.json");
    expect(two).toMatchObject({ status: 2, stderr: "Give one load config: either a.json or --model-config b.json.\n" });
    const faulty = await test("--model-config", writeConfig("typo.json", { device: "cpu" }));
    expect(faulty.status).toBe(2);
    expect(faulty.stderr).toContain('unknown key "device"; did you mean "devices"?');
    expect(faulty.stdout).toBe("");
  });
});
