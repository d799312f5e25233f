import { describe, expect, it } from "vitest";
import { planDriver } from "../../src/cli/driver-plan.js";

const debian12 = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\nID=debian\n';
const debian13 = 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nVERSION_ID="13"\nID=debian\n';
const ubuntu = 'PRETTY_NAME="Ubuntu 24.04.2 LTS"\nVERSION_ID="24.04"\nID=ubuntu\nID_LIKE=debian\n';
const mint = 'PRETTY_NAME="Linux Mint 22"\nVERSION_ID="22"\nID=linuxmint\nID_LIKE="ubuntu debian"\n';
const rocky = 'PRETTY_NAME="Rocky Linux 9.5"\nID="rocky"\nID_LIKE="rhel centos fedora"\n';

describe("planDriver", () => {
  it("takes Mesa from the backports on Debian 12, whose own is too old", () => {
    const { automatic, commands } = planDriver(debian12, "");
    expect(automatic).toBe(true);
    expect(commands).toHaveLength(3);
    expect(commands[0]).toContain("bookworm-backports main' | tee /etc/apt/sources.list.d/");
    expect(commands[1]).toBe("apt-get update");
    expect(commands[2]).toMatch(/apt-get .*install -y -t bookworm-backports mesa-vulkan-drivers libvulkan1$/);
  });

  it.each([
    ["Debian 13", debian13],
    ["Ubuntu", ubuntu],
    ["a derivative", mint],
  ])("takes the distribution's own Mesa on %s", (_, osRelease) => {
    const { automatic, commands } = planDriver(osRelease, "");
    expect(automatic).toBe(true);
    expect(commands.join("\n")).not.toContain("backports");
    expect(commands.at(-1)).toMatch(/install -y mesa-vulkan-drivers libvulkan1$/);
  });

  it("puts sudo before everything that needs root", () => {
    for (const command of planDriver(debian12, "sudo -n ").commands) {
      expect(command).toMatch(/sudo -n (tee|env|apt-get) /);
    }
  });

  it("only shows the command elsewhere", () => {
    expect(planDriver(rocky, "sudo ")).toEqual({
      system: "Rocky Linux 9.5",
      automatic: false,
      commands: ["sudo dnf install -y mesa-vulkan-drivers vulkan-loader"],
    });
    expect(planDriver("", "sudo ")).toEqual({ system: "this system", automatic: false, commands: [] });
  });
});
