import { mkdtemp, open, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { register } from "../../../src/cli/memory.js";
import { ModelLoadConfig } from "../../../src/pipeline/load-config.js";
import { MemoryCounter } from "../../../src/gpu/executors/count.js";
import { GpuUnavailableError } from "../../../src/gpu/errors.js";
import { openGpu } from "../../../src/gpu/open.js";
import { BasicInference } from "../../../src/pipeline/scripts/basic-inference.js";
import { planMemory, type MemoryPlan } from "../../../src/pipeline/manager/memory-plan.js";
import { DalleModelManager } from "../../../src/pipeline/manager/model-manager.js";
import { Arena } from "../../../src/tensor/arena.js";
import { fixtureFolder } from "../../support/golden.js";
import { LaionFiles } from "../../support/laion-files.js";
import { keptTuning } from "../../../src/tuning/kept.js";
import { writable } from "../../support/writable.js";

const LAION_CONFIGS = fileURLToPath(new URL("../../../configs/laion", import.meta.url));
/** `maxStorageBufferBindingSize` of every adapter (WebGPU's default), and of lavapipe. */
const MIN_BINDING_LIMIT = 2 ** 27;
const onWarning = (): void => undefined;

it.each(["full", "int8"] as const)(
  "counts the memory that a run needs on a device, with %s weights",
  async (weights) => {
    const config = await ModelLoadConfig.fromJsonPath(join(fixtureFolder("pipeline"), "load_config.json"));
    using gpu = await openGpu();
    const plan = await planMemory(config, { dtype: "f32", weights, batchSize: 2, gpu, onWarning });
    using manager = await DalleModelManager.create(config, { gpu, dtype: "f32", weights, offload: "idle", onWarning });
    await new BasicInference(manager).run(["a red square", "a blue circle"], { seed: 1 });
    const { peakAllocatedBytes } = gpu.memory();
    // A run also has inputs and results: embeddings, encodings, small images.
    expect(peakAllocatedBytes / plan.offloadBytes).toBeGreaterThan(0.98);
    expect(peakAllocatedBytes / plan.offloadBytes).toBeLessThan(1.1);
  },
);

it("counts what splitting operations takes", async () => {
  const config = await ModelLoadConfig.fromJsonPath(join(fixtureFolder("pipeline"), "load_config.json"));
  const maxBindingSize = 64 * 1024;
  using gpu = await openGpu({ maxBindingSize });
  const plan = await planMemory(config, { dtype: "f32", batchSize: 2, maxBindingSize, gpu, onWarning });
  using manager = await DalleModelManager.create(config, { gpu, dtype: "f32", offload: "idle", onWarning });
  await new BasicInference(manager).run(["a red square", "a blue circle"], { seed: 1 });
  // As without a limit.
  expect(gpu.memory().peakAllocatedBytes / plan.offloadBytes).toBeGreaterThan(0.98);
  expect(gpu.memory().peakAllocatedBytes / plan.offloadBytes).toBeLessThan(1.1);
});

/** Serves local files by the last part of a URL, and counts the bytes sent. */
class FileServer {
  readonly #paths = new Map<string, string>();
  servedBytes = 0;

  url(path: string): string {
    const url = `https://files.example/${this.#paths.size}`;
    this.#paths.set(url, path);
    return url;
  }

  readonly fetch: typeof fetch = async (input, init) => {
    const path = this.#paths.get(typeof input === "string" ? input : "")!;
    const [, from, to] = /bytes=(\d+)-(\d+)/.exec(new Headers(init?.headers).get("range")!)!;
    const file = await open(path);
    const { size } = await file.stat();
    const body = Buffer.alloc(Math.min(Number(to) + 1, size) - Number(from));
    await file.read(body, 0, body.length, Number(from));
    await file.close();
    this.servedBytes += body.length;
    const headers = { "Content-Range": `bytes ${from}-${Number(from) + body.length - 1}/${size}` };
    return new Response(body, { status: 206, headers });
  };
}

describe("of LAION's models, counted on files of their published sizes without content", () => {
  let folder: string;
  let files: LaionFiles;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "memory-"));
    files = new LaionFiles(folder, new Arena(new MemoryCounter().stream), "published");
  });

  afterAll(() => rm(folder, { recursive: true }));

  async function plan(set: string, dtype: "f32" | "f16", weights?: "int8"): Promise<MemoryPlan> {
    return planMemory(await files.loadConfig(set), {
      dtype,
      weights,
      batchSize: 1,
      maxBindingSize: MIN_BINDING_LIMIT,
      onWarning,
    });
  }

  it("needs no more on an adapter that can bind only as much as every adapter", async () => {
    const config = await files.loadConfig("upsampler-1024");
    expect(await plan("upsampler-1024", "f32")).toEqual(
      await planMemory(config, { dtype: "f32", batchSize: 1, onWarning }),
    );
  });

  it("names each component and adds up weights, which need half as much in f16", async () => {
    const [f32, f16] = [await plan("gradio", "f32"), await plan("gradio", "f16")];
    expect(f32.components.map(({ name }) => name)).toEqual([
      "CLIP's text encoder",
      "CLIP's image encoder",
      "the prior",
      "U-Net 1",
      "U-Net 2",
    ]);
    const weights = ({ components }: MemoryPlan) => components.reduce((sum, one) => sum + one.weightBytes, 0);
    expect(f32.loadedBytes).toBeGreaterThan(weights(f32));
    expect(f32.offloadBytes).toBeLessThan(f32.loadedBytes);
    expect(weights(f16) / weights(f32)).toBeCloseTo(0.5, 2);
    // The text encoder of ViT-L/14 has 85 million parameters besides the token embedding, which stays in the file.
    const text = f32.components[0]!.weightBytes / 4e6;
    expect(text).toBeGreaterThan(85);
    expect(text).toBeLessThan(90);
  });

  it("reads only headers from a server", async () => {
    const server = new FileServer();
    const { data, source } = await files.loadConfig("gradio");
    const remote = (path: string) => ({ load_type: "url" as const, path: server.url(path) });
    const [first, second] = writable(data).decoder!.unet_sources;
    const [decoderPath, upsamplerPath] = [first!.load_model_from.path, second!.load_model_from.path];
    first!.load_model_from = remote(decoderPath);
    second!.load_model_from = remote(upsamplerPath);
    const config = ModelLoadConfig.parse(data, source);
    const planned = await planMemory(config, { dtype: "f32", batchSize: 1, onWarning, fetch: server.fetch });
    expect(planned.loadedBytes).toBe((await plan("gradio", "f32")).loadedBytes);
    const { size } = await stat(decoderPath);
    expect(size).toBeGreaterThan(3e9);
    expect(server.servedBytes).toBeLessThan(2e6);
  });

  it("is what docs/memory.md says", async () => {
    const names = (await readdir(LAION_CONFIGS)).filter((name) => name.endsWith(".json"));
    const sets = names.map((name) => name.replace(".json", "")).sort();
    const rows: string[] = [];
    for (const set of sets) {
      const plans = [await plan(set, "f32"), await plan(set, "f16"), await plan(set, "f16", "int8")];
      const sizes = plans.flatMap(({ loadedBytes, offloadBytes }) => [loadedBytes, offloadBytes]);
      rows.push(`| \`${set}\` | ${sizes.map((bytes) => (bytes / 2 ** 30).toFixed(1)).join(" | ")} |`);
    }
    const page = await readFile(new URL("../../../docs/memory.md", import.meta.url), "utf8");
    expect(page.split("\n").filter((line) => sets.some((set) => line.startsWith(`| \`${set}\``)))).toEqual(rows);
  });
});

describe("dalle2 memory", () => {
  const PIPELINE = join(fixtureFolder("pipeline"), "load_config.json");
  const PORTABLE = ["--tuning", "portable"];

  async function run(config: string, ...args: string[]): Promise<string> {
    const [log, error] = [vi.spyOn(console, "log"), vi.spyOn(console, "error")];
    try {
      log.mockImplementation(onWarning);
      error.mockImplementation(onWarning);
      const program = new Command();
      register(program);
      await program.parseAsync(["memory", config, ...args], { from: "user" });
      return log.mock.calls.map(([line]) => String(line)).join("\n");
    } finally {
      log.mockRestore();
      error.mockRestore();
    }
  }

  const plansOf = async (...args: Parameters<typeof run>) => JSON.parse(await run(...args, "--json")) as MemoryPlan[];

  it("prints a table, and JSON", async () => {
    const table = await run(PIPELINE, ...PORTABLE, "--batch-size", "2");
    expect(table).toMatch(/GPU memory in MiB, batches of 2 images, table portable\n/);
    expect(table).toMatch(/\n +f32 weights +f32 work +f16 weights +f16 work\n/);
    expect(table).toMatch(/\nthe prior +\d+ +\d+ +\d+ +\d+\n/);
    expect(table).toMatch(/\noffload idle +\d+ +\d+$/);
    const loaded = await ModelLoadConfig.fromJsonPath(PIPELINE);
    expect(await plansOf(PIPELINE, ...PORTABLE)).toEqual([
      await planMemory(loaded, { dtype: "f32", batchSize: 1, onWarning }),
      await planMemory(loaded, { dtype: "f16", batchSize: 1, onWarning }),
    ]);
    const [int8] = await plansOf(PIPELINE, ...PORTABLE, "--weights", "int8");
    expect(int8).toEqual(await planMemory(loaded, { dtype: "f32", weights: "int8", batchSize: 1, onWarning }));
  });

  it("plans for this adapter", async () => {
    using gpu = await openGpu({ tuning: keptTuning({ probes: false }) });
    const loaded = await ModelLoadConfig.named("shapes");
    const [f32] = await plansOf("shapes");
    expect(f32!.tuning).toBe(gpu.tuning.id);
    expect(f32).toEqual(await planMemory(loaded, { dtype: "f32", batchSize: 1, gpu, onWarning }));
  });

  it("plans for the adapters that a table is for", async () => {
    const weights = async (table: string): Promise<number> => {
      const [{ tuning, components }] = (await plansOf("shapes", "--tuning", table)) as [MemoryPlan];
      expect(tuning).toBe(table);
      return components.find(({ name }) => name === "U-Net 1")!.weightBytes;
    };
    // Filters of Winograd's convolutions take four times the memory.
    const portable = await weights("portable");
    expect(await weights("lavapipe-2")).toBeGreaterThan(1.5 * portable);
    expect(await weights("gpu-1")).toBe(portable);
    await expect(run("shapes", "--tuning", "none")).rejects.toThrow("Tables of the package: portable, lavapipe-2");
  });

  it("plans with the portable table if there is no adapter, and says so", async () => {
    vi.doMock("../../../src/gpu/open.js", () => ({
      openGpu: () => Promise.reject(new GpuUnavailableError("No WebGPU adapter found.")),
    }));
    const write = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    const plans = await plansOf(PIPELINE);
    const said = write.mock.calls.map(([text]) => String(text)).join("");
    write.mockRestore();
    vi.doUnmock("../../../src/gpu/open.js");
    expect(plans).toEqual(await plansOf(PIPELINE, ...PORTABLE));
    expect(said).toContain("There is no adapter here to plan for.");
    expect(said).toContain("--tuning");
  });
});
