import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { kernels, libs } from "../../src/gpu/kernel-sources.js";
import { loadKernels } from "../../src/gpu/later-kernels.js";

const folder = (path: string) => new URL(`../../${path}/`, import.meta.url);

/** The modules in a folder and below. */
const filesIn = (path: string) =>
  readdirSync(folder(path), { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));

/** Names that kernels give to numbers. */
const names = new Set([
  ...Object.values(kernels).flatMap((kernel) => [
    ...Object.keys(kernel.constants),
    ...Object.keys(kernel.fixed),
    ...Object.keys(kernel.overrides),
  ]),
  ...Object.values(libs).flatMap((numbers) => Object.keys(numbers)),
]);

it("writes no number of a kernel again in TypeScript", () => {
  expect(names).toContain("WORKGROUP");
  for (const path of ["src/ops", "src/gpu"]) {
    for (const file of filesIn(path).filter((name) => !name.startsWith("kernel-sources"))) {
      const text = readFileSync(new URL(file, folder(path)), "utf8");
      const numbers = [...text.matchAll(/\bconst (\w+)(?:: number)? = -?\d/g)].map(([, name]) => name!);
      const copied = numbers.filter((name) => names.has(name) || name.endsWith("WORKGROUP"));
      expect(copied, `${path}/${file}`).toEqual([]);
    }
  }
});

it("has no operation that cannot be split: all dispatch by src/ops/dispatch.ts", () => {
  const direct = filesIn("src/ops").filter((file) =>
    readFileSync(new URL(file, folder("src/ops")), "utf8").includes(".dispatch("),
  );
  expect(direct).toEqual(["dispatch.ts"]);
});

it("gives no workgroup a size in numbers where TypeScript counts by it", async () => {
  await Promise.all([loadKernels("matrix"), loadKernels("peaks")]);
  for (const [name, kernel] of Object.entries(kernels)) {
    const size = /@workgroup_size\(([^)]*)\)/.exec(kernel.code)![1]!;
    expect(size, name).toMatch(/^[A-Z_]+(, [A-Z_]+)*$/);
  }
});
