import type { Command } from "commander";
import type { AdapterDescription, GpuFeatures } from "../gpu/adapter.js";
import type { GpuDevice } from "../gpu/device.js";
import type { SelfTestResult } from "../verify/self-test.js";
import { runtime } from "../platform/node-runtime.js";
import { print, printJson } from "./output.js";

/** What `dalle2 doctor --json` prints. */
export interface DoctorReport {
  readonly adapter: AdapterDescription;
  /** Operating system and processor: `linux x64`. */
  readonly platform: string;
  /** JavaScript runtime and its version: `Node 20.19.0`, `Deno 2.9.6`, `Bun 1.4.5`. */
  readonly runtime: string;
  readonly features: GpuFeatures;
  /** The `id` of the table that chooses variants of kernels. */
  readonly tuning: string;
  readonly limits: Readonly<Record<string, number>>;
  readonly selfTest: readonly SelfTestResult[];
  readonly pass: boolean;
}

/** Limits on the size of tensors and tiles. */
const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupsPerDimension",
] as const;

export function register(program: Command): void {
  program
    .command("doctor")
    .description(
      "show the adapter, driver, features and limits that were found, and test that kernels compute correctly",
    )
    .option("--json", "print one JSON object")
    .action(async ({ json }: { json?: true }) => {
      const { openGpu } = await import("../gpu/open.js");
      const { keptTuning } = await import("../tuning/kept.js");
      using gpu = await openGpu({ tuning: keptTuning() });
      const report = await examine(gpu);
      if (json) printJson(report);
      else print(formatReport(report));
      if (!report.pass) process.exitCode = 1;
    });
}

async function examine(gpu: GpuDevice): Promise<DoctorReport> {
  const { selfTest } = await import("../verify/self-test.js");
  const results = await selfTest(gpu);
  return {
    adapter: gpu.adapter,
    platform: `${process.platform} ${process.arch}`,
    runtime: `${runtime.name} ${runtime.version}`,
    features: gpu.features,
    tuning: gpu.tuning.id,
    limits: Object.fromEntries(LIMITS.map((name) => [name, gpu.limits[name]])),
    selfTest: results,
    pass: results.every(({ pass }) => pass),
  };
}

function formatReport(report: DoctorReport): string {
  const { adapter, platform, runtime: program, features, tuning, limits, selfTest, pass } = report;
  const { vendor, architecture, description, device, implementation, isSoftware } = adapter;
  const section = (title: string, rows: readonly (readonly [string, string])[]): string => {
    const width = Math.max(...rows.map(([name]) => name.length));
    return [title, ...rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`)].join("\n");
  };
  return [
    section("Adapter", [
      ["device", device],
      // wgpu does not report the driver.
      ...(description === device ? [] : [["driver", description] as const]),
      ["vendor", [vendor, architecture].filter((part) => part !== "").join(", ")],
      ["kind", isSoftware ? "software: computes on the CPU" : "GPU"],
      ["WebGPU", implementation],
      ["tuning", tuning],
      ["runtime", program],
      ["system", platform],
    ]),
    section(
      "Features",
      Object.entries(features).map(([name, present]) => [name, present ? "yes" : "no"]),
    ),
    section(
      "Limits",
      Object.entries(limits).map(([name, value]) => [name, value.toLocaleString("en-US")]),
    ),
    section(
      "Self-test (largest error relative to the largest value)",
      selfTest.map(({ kernel, dtype, maxRelative, tolerance, pass: passed }) => [
        `${kernel} ${dtype}`,
        `${maxRelative.toExponential(1)} of ${tolerance.toExponential(0)} allowed  ${passed ? "pass" : "FAIL"}`,
      ]),
    ),
    pass ? "Everything works." : "This adapter computes wrong results. Update its driver, or choose another adapter.",
  ].join("\n\n");
}
