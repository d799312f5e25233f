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
 * Plans the installation for a system. `sudo` is the prefix for commands that need root: "sudo ", "sudo -n " (never asks), or
 * empty.
 */
export function planDriver({ osRelease, sources }: SystemFiles, sudo: string): DriverPlan {
  const fields = parseOsRelease(osRelease);
  const system = fields.get("PRETTY_NAME") ?? "this system";
  const families = [fields.get("ID") ?? "", ...(fields.get("ID_LIKE") ?? "").split(" ")];
  if (fields.get("ID") === "debian" && fields.get("VERSION_ID") === "12") {
    const commands = debian12Commands(sources, sudo);
    return { system, automatic: commands !== undefined, commands: commands ?? [], needs: BACKPORTS };
  }
  if (families.includes("debian") || families.includes("ubuntu")) {
    return { system, automatic: true, commands: [`${sudo}apt-get update`, `${sudo}${APT_INSTALL} ${PACKAGES}`] };
  }
  const shown = families.map((family) => SHOWN[family]).find((command) => command !== undefined);
  return { system, automatic: false, commands: shown === undefined ? [] : [`${sudo}${shown}`] };
}

const BACKPORTS = "bookworm-backports";

/**
 * Debian 12 has Mesa 22, whose lavapipe lacks f16 and subgroups. Its backports, in the same archive, have Mesa 25.
 * Undefined if no package source of Debian 12 gives the address of that archive.
 */
function debian12Commands(sources: readonly SourcesFile[], sudo: string): string[] | undefined {
  const install = [`${sudo}apt-get update`, `${sudo}${APT_INSTALL} -t ${BACKPORTS} ${PACKAGES}`];
  if (hasSuite(sources, BACKPORTS)) return install;
  const source = sourceBeside(sources, "bookworm", BACKPORTS);
  if (!source) return undefined;
  const lines = source.lines.map((line) => `'${line.replaceAll("'", `'\\''`)}'`).join(" ");
  const file = `/etc/apt/sources.list.d/${BACKPORTS}.${source.extension}`;
  return [`printf '%s\\n' ${lines} | ${sudo}tee ${file}`, ...install];
}

function parseOsRelease(text: string): Map<string, string> {
  const lines = text.split("\n").map((line) => /^(\w+)="?(.*?)"?$/.exec(line.trim()));
  return new Map(lines.filter((match) => match !== null).map((match) => [match[1]!, match[2]!]));
}
