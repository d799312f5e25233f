import { expect, test } from "vitest";
import { DeviceCompiler, FirstUses, type Compiler, type WantedPipeline } from "../../src/gpu/first-uses.js";
import type { KernelName, KernelSource } from "../../src/gpu/kernel-source.js";
import { kernels } from "../../src/gpu/kernel-sources.js";
import { sharedGpu } from "../support/gpu.js";

const NAMES = Object.keys(kernels) as KernelName[];
const WANTED: readonly WantedPipeline[] = NAMES.slice(0, 8).map((kernel) => ({ kernel, variant: {} }));

/** Notes what it compiles. */
class NotingCompiler implements Compiler {
  readonly used: KernelName[] = [];
  isClosed = false;

  constructor(private readonly milliseconds: number) {}

  async use({ kernel }: WantedPipeline): Promise<number> {
    this.used.push(kernel);
    await Promise.resolve();
    if (Number.isNaN(this.milliseconds)) throw new Error("lost");
    return this.milliseconds;
  }

  close(): void {
    this.isClosed = true;
  }
}

function compilers(count: number, milliseconds: number): { all: NotingCompiler[]; open: () => Promise<Compiler> } {
  const all = Array.from({ length: count }, () => new NotingCompiler(milliseconds));
  let opened = 0;
  return { all, open: () => Promise.resolve(all[opened++]!) };
}

test("devices share the pipelines, each of which one device compiles, in the order of need", async () => {
  const main = new NotingCompiler(100);
  const { all, open } = compilers(2, 100);
  await new FirstUses(main, open, 2).compile(WANTED);
  const each = [main, ...all].map(({ used }) => used);
  const names = WANTED.map(({ kernel }) => kernel);
  expect(each.flat().sort()).toEqual([...names].sort());
  for (const used of each) {
    expect(used.length).toBeGreaterThan(1);
    expect(used).toEqual(names.filter((name) => used.includes(name)));
  }
  expect([main, ...all].every(({ isClosed }) => isClosed)).toBe(true);
});

test("nothing is compiled again that the driver has in its cache", async () => {
  const main = new NotingCompiler(1);
  const { all, open } = compilers(1, 1);
  await new FirstUses(main, open, 1).compile(WANTED);
  expect([main, ...all].map(({ used }) => used)).toEqual([[], [WANTED[0]!.kernel, WANTED.at(-1)!.kernel]]);
  expect(all[0]!.isClosed).toBe(true);
});

test("all are compiled if only those of another model are in the cache", async () => {
  const main = new NotingCompiler(100);
  const helper = new NotingCompiler(1);
  const use = helper.use.bind(helper);
  helper.use = async (wanted) => ((await use(wanted)) && wanted === WANTED[0] ? 1 : 100);
  await new FirstUses(main, () => Promise.resolve(helper), 1).compile(WANTED);
  expect([...main.used, ...helper.used].sort()).toEqual(WANTED.map(({ kernel }) => kernel).sort());
  expect([main, helper].every(({ isClosed }) => isClosed)).toBe(true);
});

test.each([
  { helpers: 0, milliseconds: 100, open: () => Promise.reject(new Error("not asked")) },
  { helpers: 1, milliseconds: 100, open: () => Promise.resolve(undefined) },
  { helpers: 0, milliseconds: NaN, open: () => Promise.resolve(undefined) },
  { helpers: 2, milliseconds: 100, open: () => Promise.resolve(new NotingCompiler(NaN)) },
])("with no other device, one compiles all: $helpers helpers, $milliseconds ms", async ({ open, ...how }) => {
  const main = new NotingCompiler(how.milliseconds);
  await new FirstUses(main, open, how.helpers).compile(WANTED);
  // What a helper could not compile comes a little later.
  expect(main.used.sort()).toEqual(WANTED.map(({ kernel }) => kernel).sort());
});

// First uses compile only on lavapipe, where no tuning table has the kernels for GPUs, and each of them takes seconds to compile.
const COMPILED = NAMES.filter((name) => !/^(matrix|tiled|team)|^peak/.test(name));

test("each kernel ends at once with zeros for Params", { timeout: 120_000 }, async () => {
  const { device, features } = await sharedGpu();
  const compiler = new DeviceCompiler(device as GPUDevice, (work) => work);
  (device as GPUDevice).pushErrorScope("validation");
  for (const kernel of COMPILED) {
    const { extensions }: KernelSource = kernels[kernel];
    if (extensions.includes("subgroups") && !features.subgroups) continue;
    expect(await compiler.use({ kernel, variant: {} })).toBeGreaterThan(0);
  }
  expect(await (device as GPUDevice).popErrorScope()).toBeNull();
});

test("each pipeline is counted once, and none is begun after an abort", async () => {
  const main = new NotingCompiler(100);
  const { all, open } = compilers(2, 100);
  const stop = new AbortController();
  let compiled = 0;
  await new FirstUses(main, open, 2).compile(WANTED, {
    signal: stop.signal,
    onCompiled: () => {
      if (++compiled === 3) stop.abort();
    },
  });
  const used = [main, ...all].flatMap((one) => one.used);
  expect(compiled).toBe(used.length);
  // Those that had begun by then.
  expect(used.length).toBeLessThanOrEqual(5);
  expect([main, ...all].every(({ isClosed }) => isClosed)).toBe(true);
});
