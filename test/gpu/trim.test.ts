import { spawnSync } from "node:child_process";
import { expect, it } from "vitest";

/**
 * Runs a script with the built package and returns the numbers that it prints. It is a separate process, because its
 * memory is measured.
 */
function measured(body: string, options = {}): number[][] {
  const script = `
    import { readFileSync } from "node:fs";
    const { openGpu } = await import("./dist/gpu/open.js");
    const megabytes = () => Number(/VmRSS:\\s+(\\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]) / 1e3;
    const gpu = await openGpu(${JSON.stringify(options)});
    const stream = gpu.stream();
    const idle = async () => {
      await stream.sync();
      await new Promise((resolve) => setTimeout(resolve, 100));
    };
    const storagesOf = (count, bytes) => Array.from({ length: count }, (_, i) => stream.allocate(bytes, "s" + i));
    const cycle = async (storages) => {
      const before = megabytes();
      for (const storage of storages) stream.clear(storage);
      await idle();
      const full = megabytes();
      for (const storage of storages) storage.release();
      gpu.trim();
      // The driver frees memory with a delay, which is longer on a busy machine.
      for (let i = 0; i < 50 && megabytes() > before + 100; i++) await idle();
      console.log(JSON.stringify([before, full, megabytes()]));
    };
    ${body}
    process.exit(0);
  `;
  const { stdout, stderr, status } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    encoding: "utf8",
    timeout: 100_000,
  });
  expect(status, stderr).toBe(0);
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as number[]);
}

// A software adapter has its buffers in the memory of the process.
it.runIf(process.platform === "linux")("trim returns the memory of large tensors to the system", () => {
  const cycles = measured("for (let i = 0; i < 3; i++) await cycle(storagesOf(4, 1e8));");
  for (const [before, full, after] of cycles) {
    expect(full! - before!).toBeGreaterThan(300);
    expect(after! - before!).toBeLessThan(100);
  }
});

it.runIf(process.platform === "linux")("trim also returns memory beyond what is kept for reuse", () => {
  const [cycle] = measured("await cycle(storagesOf(4, 1e8));", { poolBytes: 0 });
  const [before, full, after] = cycle!;
  expect(full! - before!).toBeGreaterThan(300);
  expect(after! - before!).toBeLessThan(100);
});

it.runIf(process.platform === "linux")("trim returns the memory of many small activations", () => {
  const cycles = measured("for (let i = 0; i < 3; i++) await cycle(storagesOf(1000, 5e5));");
  for (const [before, full, after] of cycles) {
    expect(full! - before!).toBeGreaterThan(300);
    expect(after! - before!).toBeLessThan(100);
  }
});

it.runIf(process.platform === "linux")(
  "trim gives the memory of many small weights back, and they take little more",
  () => {
    const cycles = measured(`
    for (let i = 0; i < 3; i++) {
      const weights = storagesOf(4000, 1e5);
      for (const weight of weights) stream.share(weight);
      stream.allocateTogether(weights);
      await cycle(weights);
    }
  `);
    for (const [before, full, after] of cycles) {
      expect(full! - before!).toBeGreaterThan(300);
      expect(full! - before!).toBeLessThan(500);
      expect(after! - before!).toBeLessThan(100);
    }
  },
);
