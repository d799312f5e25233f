import { CommandFailedError } from "./errors.js";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import type { Command } from "commander";
import { GpuUnavailableError } from "../gpu/errors.js";
import { adapterAdvice } from "#platform";
import { planDriver, planNewerDriver, type DriverPlan, type SystemFiles } from "./driver-plan.js";
import { UsageError } from "./errors.js";
import { print, say } from "./output.js";

export function register(program: Command): void {
  program
    .command("setup")
    .description(
      "find a GPU or software driver; if there is none, install the fastest of the system's archive (Debian, Ubuntu)",
    )
    .action(async () => {
      const { description, device } = await offerNewer(await ensureAdapter({ interactive: true }));
      print(`Adapter: ${description || device}. Nothing needs to be installed.`);
    });
}

/** If the system's archive has a newer version of the software driver, asks at a terminal whether to install it. */
async function offerNewer(present: GPUAdapterInfo): Promise<GPUAdapterInfo> {
  if (process.platform !== "linux") return present;
  const isRoot = process.getuid?.() === 0;
  const plan = planNewerDriver(present.description, planDriver(systemFiles(), isRoot ? "" : "sudo "));
  if (!plan) return present;
  const what = `Mesa ${plan.mesa} of ${plan.needs} computes faster than ${present.description}`;
  if (!(await askToInstall(`${what}. To install it:\n${listed(plan)}`))) {
    say(`${what}. To install it, run:\n${listed(plan)}`);
    return present;
  }
  for (const command of plan.commands) run(command);
  return (await findAdapter()) ?? present;
}

/**
 * Makes sure that WebGPU has an adapter. If it has none, installs Mesa's software driver on Debian and Ubuntu: without
 * asking as root or with `CI` set, otherwise after asking at a terminal, if `interactive`. Throws `UsageError` with the
 * commands to run if nothing may be installed, and `GpuUnavailableError` if there is no adapter after installing.
 */
export async function ensureAdapter({ interactive }: { interactive: boolean }): Promise<GPUAdapterInfo> {
  const present = await findAdapter();
  if (present) return present;
  if (process.platform !== "linux") {
    throw new GpuUnavailableError("No WebGPU adapter found.", { advice: adapterAdvice() });
  }

  const isRoot = process.getuid?.() === 0;
  const unattended = isRoot || (process.env.CI ?? "") !== "";
  const plan = planDriver(systemFiles(), isRoot ? "" : unattended ? "sudo -n " : "sudo ");
  const allowed = plan.automatic && (unattended || (interactive && (await askToInstall(instructions(plan)))));
  if (!allowed) throw new UsageError(instructions(plan));
  for (const command of plan.commands) run(command);

  const installed = await findAdapter();
  if (installed) return installed;
  throw new GpuUnavailableError(
    `A Vulkan driver was installed on ${plan.system}, but there is still no WebGPU adapter.`,
    { advice: "Check what `vulkaninfo --summary` finds (package vulkan-tools). Mesa 25 or later is known to work." },
  );
}

async function findAdapter(): Promise<GPUAdapterInfo | undefined> {
  const { openEntry } = await import("../gpu/open.js");
  const gpu = await openEntry();
  return (await gpu.requestAdapter({ powerPreference: "high-performance" }))?.info;
}

function systemFiles(): SystemFiles {
  const read = (file: string) => (existsSync(file) ? readFileSync(file, "utf8") : "");
  const folder = `${APT}/sources.list.d`;
  const names = existsSync(folder) ? readdirSync(folder).sort() : [];
  const files = [`${APT}/sources.list`, ...names.map((name) => `${folder}/${name}`)];
  return { osRelease: read("/etc/os-release"), sources: files.map((name) => ({ name, text: read(name) })) };
}

const APT = "/etc/apt";

function instructions({ system, commands, needs }: DriverPlan): string {
  if (commands.length === 0 && needs !== undefined) {
    return `No WebGPU adapter found. The software Vulkan driver for ${system} is in ${needs}, but ${APT}/sources.list and ${APT}/sources.list.d have no source for Debian's packages. Add a source for ${needs}, and run this again.`;
  }
  if (commands.length === 0) {
    return `No WebGPU adapter found. Install the Vulkan loader and Mesa's lavapipe driver with the package manager of ${system}.`;
  }
  return `No WebGPU adapter found. To install a software Vulkan driver on ${system}:\n${listed({ commands })}`;
}

function listed({ commands }: Pick<DriverPlan, "commands">): string {
  return commands.map((command) => `  ${command}`).join("\n");
}

async function askToInstall(question: string): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return false;
  const { confirm, isCancel } = await import("@clack/prompts");
  say(question);
  const answer = await confirm({ message: "Run these commands now?", output: process.stderr });
  return !isCancel(answer) && answer;
}

function run(command: string): void {
  say(`$ ${command}`);
  // Its output goes to standard error: another program may read the standard output of the command that needs the driver.
  const { status } = spawnSync("sh", ["-c", command], { stdio: ["inherit", 2, 2] });
  if (status !== 0)
    throw new CommandFailedError(
      `"${command}" failed with status ${status ?? "none"}. The remaining commands were not run.`,
    );
}
