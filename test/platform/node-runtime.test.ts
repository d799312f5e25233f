import { expect, it } from "vitest";
import { packageAdvice } from "../../src/platform/node-dawn.js";
import { dalle2Command, installCommand, runtime, runtimeOf } from "../../src/platform/node-runtime.js";

it("names the runtime by what only that one says of itself", () => {
  expect(runtimeOf({ node: "20.19.0" })).toEqual({ name: "Node", version: "20.19.0" });
  expect(runtimeOf({ node: "26.3.0", deno: "2.9.6" })).toEqual({ name: "Deno", version: "2.9.6" });
  expect(runtimeOf({ node: "26.3.0", bun: "1.4.5" })).toEqual({ name: "Bun", version: "1.4.5" });
  expect(runtime).toEqual({ name: "Node", version: process.versions.node });
});

it("writes commands as each runtime takes them", () => {
  const lines = (["Node", "Deno", "Bun"] as const).map((name) => [
    dalle2Command("setup", { name }),
    installCommand("webgpu", { name }),
  ]);
  expect(lines).toEqual([
    ["npx dalle2 setup", "npm install webgpu"],
    ["deno run -A npm:dalle2-webgpu setup", "deno add npm:webgpu"],
    ["bunx dalle2 setup", "bun add webgpu"],
  ]);
});

it("advises what fits the runtime where the package webgpu cannot be loaded", () => {
  expect(packageAdvice({ name: "Node" })).toMatch(
    /^Install it with `npm install webgpu`.* Or run `deno run -A npm:dalle2-webgpu`/,
  );
  expect(packageAdvice({ name: "Bun" })).toMatch(/^Install it with `bun add webgpu`/);
  expect(packageAdvice({ name: "Deno" })).toMatch(/^Run Deno with --unstable-webgpu/);
});
