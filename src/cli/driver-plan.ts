import { hasSuite, sourceBeside, type SourcesFile } from "./package-sources.js";

/** How to install a software Vulkan driver (Mesa's lavapipe) on a system. */
export interface DriverPlan {
  /** Name of the system, from os-release. */
  readonly system: string;
  /** Shell commands, in order; empty if none are known. */
  readonly commands: readonly string[];
  /** Whether this program may run the commands itself: Debian and Ubuntu only. */
  readonly automatic: boolean;
  /** The package suite that they come from, if it is not the system's own. */
  readonly needs?: string;
  /** Major version of Mesa that they install, if it is known. */
  readonly mesa?: number;
}

const APT_INSTALL = "env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 install -y";
const PACKAGES = "mesa-vulkan-drivers libvulkan1";

/** Commands that are shown but not run, by the ID in os-release. */
const SHOWN: Readonly<Record<string, string>> = {
  fedora: "dnf install -y mesa-vulkan-drivers vulkan-loader",
  arch: "pacman -S --needed vulkan-swrast vulkan-icd-loader",
  suse: "zypper install -y libvulkan_lvp libvulkan1",
};

/** Files that describe a system. */
export interface SystemFiles {
  /** The content of `/etc/os-release`. */
  readonly osRelease: string;
  /** The package sources of apt; empty on systems without apt. */
  readonly sources: readonly SourcesFile[];
}

/**
 * The commands for a newer version of Mesa's software driver than the one of an adapter; undefined for other drivers, and if
 * the plan has no newer one. `description` is that of the adapter.
 */
export function planNewerDriver(description: string, plan: DriverPlan): DriverPlan | undefined {
  const [, major] = /^llvmpipe: Mesa (\d+)\./.exec(description) ?? [];
  const isNewer = major !== undefined && plan.mesa !== undefined && plan.mesa > Number(major);
  return isNewer && plan.commands.length > 0 ? plan : undefined;
}

/**
 * Plans the installation for a system. `sudo` is the prefix for commands that need root: "sudo ", "sudo -n " (never asks), or
 * empty.
 */
export function planDriver({ osRelease, sources }: SystemFiles, sudo: string): DriverPlan {
  const fields = parseOsRelease(osRelease);
  const system = fields.get("PRETTY_NAME") ?? "this system";
  const families = [fields.get("ID") ?? "", ...(fields.get("ID_LIKE") ?? "").split(" ")];
  const backports = fields.get("ID") === "debian" ? BACKPORTS[fields.get("VERSION_ID") ?? ""] : undefined;
  if (backports) {
    const { codename, mesa, isOwnUsable } = backports;
    const needs = `${codename}-backports`;
    const commands = backportsCommands(sources, codename, needs, sudo);
    if (commands) return { system, automatic: true, commands, needs, mesa };
    if (!isOwnUsable) return { system, automatic: false, commands: [], needs };
  }
  if (families.includes("debian") || families.includes("ubuntu")) {
    return { system, automatic: true, commands: [`${sudo}apt-get update`, `${sudo}${APT_INSTALL} ${PACKAGES}`] };
  }
  const shown = families.map((family) => SHOWN[family]).find((command) => command !== undefined);
  return { system, automatic: false, commands: shown === undefined ? [] : [`${sudo}${shown}`] };
}

/** A version of Debian whose backports, in the same archive, have a newer Mesa. */
interface Backports {
  readonly codename: string;
  /** Major version of Mesa in the backports. */
  readonly mesa: number;
  /** Whether the version's own Mesa can be used, too. */
  readonly isOwnUsable: boolean;
}

/** By the VERSION_ID in os-release. */
const BACKPORTS: Readonly<Record<string, Backports>> = {
  // Its own Mesa 22 lacks f16 and subgroups.
  12: { codename: "bookworm", mesa: 25, isOwnUsable: false },
  // Mesa 26 loads faster than its own Mesa 25.
  13: { codename: "trixie", mesa: 26, isOwnUsable: true },
};

/** Installs from backports. Undefined if no package source of the system gives the address of the archive. */
function backportsCommands(
  sources: readonly SourcesFile[],
  codename: string,
  suite: string,
  sudo: string,
): string[] | undefined {
  const install = [`${sudo}apt-get update`, `${sudo}${APT_INSTALL} -t ${suite} ${PACKAGES}`];
  if (hasSuite(sources, suite)) return install;
  const source = sourceBeside(sources, codename, suite);
  if (!source) return undefined;
  const lines = source.lines.map((line) => `'${line.replaceAll("'", `'\\''`)}'`).join(" ");
  const file = `/etc/apt/sources.list.d/${suite}.${source.extension}`;
  return [`printf '%s\\n' ${lines} | ${sudo}tee ${file}`, ...install];
}

function parseOsRelease(text: string): Map<string, string> {
  const lines = text.split("\n").map((line) => /^(\w+)="?(.*?)"?$/.exec(line.trim()));
  return new Map(lines.filter((match) => match !== null).map((match) => [match[1]!, match[2]!]));
}
