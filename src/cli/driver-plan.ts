/** How a software Vulkan driver (Mesa's lavapipe) gets onto a system. */
export interface DriverPlan {
  /** The system's own name for itself. */
  readonly system: string;
  /** Shell commands, in order. Empty where this program knows none. */
  readonly commands: readonly string[];
  /** Whether this program may run the commands itself: Debian and Ubuntu only. */
  readonly automatic: boolean;
}

const APT_INSTALL = "env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 install -y";
const PACKAGES = "mesa-vulkan-drivers libvulkan1";
const BACKPORTS = "deb http://deb.debian.org/debian bookworm-backports main";

/** Commands for systems that are shown theirs, by the ID of os-release. */
const SHOWN: Readonly<Record<string, string>> = {
  fedora: "dnf install -y mesa-vulkan-drivers vulkan-loader",
  arch: "pacman -S --needed vulkan-swrast vulkan-icd-loader",
  suse: "zypper install -y libvulkan_lvp libvulkan1",
};

/**
 * The plan for the system that an os-release file describes. `sudo` is what has to stand before a command that needs root:
 * "sudo ", "sudo -n " (never asks), or nothing.
 */
export function planDriver(osRelease: string, sudo: string): DriverPlan {
  const fields = parseOsRelease(osRelease);
  const system = fields.get("PRETTY_NAME") ?? "this system";
  const families = [fields.get("ID") ?? "", ...(fields.get("ID_LIKE") ?? "").split(" ")];
  if (fields.get("ID") === "debian" && fields.get("VERSION_ID") === "12") {
    return { system, automatic: true, commands: debian12Commands(sudo) };
  }
  if (families.includes("debian") || families.includes("ubuntu")) {
    return { system, automatic: true, commands: [`${sudo}apt-get update`, `${sudo}${APT_INSTALL} ${PACKAGES}`] };
  }
  const shown = families.map((family) => SHOWN[family]).find((command) => command !== undefined);
  return { system, automatic: false, commands: shown === undefined ? [] : [`${sudo}${shown}`] };
}

/** Debian 12 itself has Mesa 22, whose lavapipe lacks f16 and subgroups; its backports have Mesa 25. */
function debian12Commands(sudo: string): string[] {
  const file = "/etc/apt/sources.list.d/bookworm-backports.list";
  return [
    `grep -rqs bookworm-backports /etc/apt/sources.list /etc/apt/sources.list.d || echo '${BACKPORTS}' | ${sudo}tee ${file}`,
    `${sudo}apt-get update`,
    `${sudo}${APT_INSTALL} -t bookworm-backports ${PACKAGES}`,
  ];
}

function parseOsRelease(text: string): Map<string, string> {
  const lines = text.split("\n").map((line) => /^(\w+)="?(.*?)"?$/.exec(line.trim()));
  return new Map(lines.filter((match) => match !== null).map((match) => [match[1]!, match[2]!]));
}
