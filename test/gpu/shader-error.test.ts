import { spawnSync } from "node:child_process";
import { expect, it } from "vitest";

/** Runs a script with the built package, like a user's program: an unhandled rejection ends it. */
function run(script: string) {
  return spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8", timeout: 100_000 });
}

/** Breaks the source of a kernel. */
const SPOIL = `
  const { kernels } = await import("./dist/gpu/kernel-sources.js");
  const spoil = (name) =>
    Object.defineProperty(kernels[name], "code", { value: kernels[name].code.replace("fn main(", "fn main((") });
`;

it("a kernel that does not compile rejects its call, and the process continues", () => {
  const { status, stdout, stderr } = run(`
    ${SPOIL}
    const { BasicInference, DalleModelManager, ModelLoadConfig, openGpu } = await import("./dist/index.js");
    spoil("layerNorm");
    const gpu = await openGpu();
    const config = await ModelLoadConfig.fromJsonPath("configs/shapes.json");
    const manager = await DalleModelManager.create(config, { gpu });
    const draw = () => new BasicInference(manager).run("a red circle", { priorSteps: 2, decoderSteps: [1, 1] });
    for (const call of [draw, draw, () => manager.warmup()]) {
      const error = await call().catch((reason) => reason);
      console.log(error.name, error.message.includes("layerNorm"), error.place.file);
    }
    const both = await Promise.allSettled([draw(), draw()]);
    console.log(both.map(({ reason }) => reason?.name).join());
    await new Promise((resolve) => setTimeout(resolve, 300));
    console.log("the host goes on");
    process.exit(0);
  `);
  expect(stdout.trim().split("\n"), stderr).toEqual([
    "ShaderError true kernels/layer_norm.wgsl",
    "ShaderError true kernels/layer_norm.wgsl",
    "ShaderError true kernels/layer_norm.wgsl",
    "ShaderError,ShaderError",
    "the host goes on",
  ]);
  expect(status).toBe(0);
});

it("a kernel that does not compile does not end the process if nothing awaits it", () => {
  const { status, stdout, stderr } = run(`
    ${SPOIL}
    const { openGpu } = await import("./dist/index.js");
    const { Arena } = await import("./dist/tensor/arena.js");
    const { scaleBy } = await import("./dist/ops/elementwise.js");
    spoil("pointwise");
    const arena = new Arena((await openGpu()).stream());
    scaleBy(arena.from([1, 2, 3, 4], [1, 4]), 2);
    arena.stream.flush();
    await new Promise((resolve) => setTimeout(resolve, 500));
    const other = await openGpu({ timeKernels: true });
    const lost = new Arena(other.stream());
    lost.from([1], [1]);
    lost.stream.flush();
    other.dispose();
    await new Promise((resolve) => setTimeout(resolve, 500));
    console.log("the host goes on");
    process.exit(0);
  `);
  expect(stdout.trim(), stderr).toBe("the host goes on");
  expect(status).toBe(0);
});
