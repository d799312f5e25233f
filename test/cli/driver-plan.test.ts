import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { planDriver, planNewerDriver } from "../../src/cli/driver-plan.js";

const debian12 = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\nID=debian\n';
const debian13 = 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nVERSION_ID="13"\nID=debian\n';
const ubuntu = 'PRETTY_NAME="Ubuntu 24.04.2 LTS"\nVERSION_ID="24.04"\nID=ubuntu\nID_LIKE=debian\n';
const mint = 'PRETTY_NAME="Linux Mint 22"\nVERSION_ID="22"\nID=linuxmint\nID_LIKE="ubuntu debian"\n';
const rocky = 'PRETTY_NAME="Rocky Linux 9.5"\nID="rocky"\nID_LIKE="rhel centos fedora"\n';

const DEBIAN_SOURCES = "/etc/apt/sources.list.d/debian.sources";
const source = (text: string, name = "/etc/apt/sources.list") => ({ name, text });
const mirror = source("deb http://mirror.example/debian bookworm main\n");
const plan = (osRelease: string, sudo: string, sources = [mirror]) => planDriver({ osRelease, sources }, sudo);

/** The content that a plan writes to a new sources file, and the file's name. */
function added(...sources: { readonly name: string; readonly text: string }[]) {
  const { commands } = plan(debian12, "", sources);
  const [, file] = / \| tee (\S+)$/.exec(commands[0]!) ?? [];
  const written = spawnSync("sh", ["-c", commands[0]!.replace(/ \| tee \S+$/, "")], { encoding: "utf8" });
  return { file, text: written.stdout };
}

describe("planDriver", () => {
  it("takes Mesa from the backports on Debian 12, whose own Mesa is too old", () => {
    const { automatic, commands } = plan(debian12, "");
    expect(automatic).toBe(true);
    expect(commands).toHaveLength(3);
    expect(commands[0]).toContain("bookworm-backports main' | tee /etc/apt/sources.list.d/");
    expect(commands[1]).toBe("apt-get update");
    expect(commands[2]).toMatch(/apt-get .*install -y -t bookworm-backports mesa-vulkan-drivers libvulkan1$/);
  });

  it("takes the backports from the same archive as the system's packages", () => {
    const list = `# deb http://old.example/debian bookworm main
deb-src http://mirror.example/debian bookworm main
deb http://mirror.example/debian-security bookworm-security main
deb [arch=amd64 signed-by=/etc/keys/it's.gpg] http://mirror.example/debian/ bookworm main contrib # ours
`;
    expect(added(source(list))).toEqual({
      file: "/etc/apt/sources.list.d/bookworm-backports.list",
      text: "deb [arch=amd64 signed-by=/etc/keys/it's.gpg] http://mirror.example/debian/ bookworm-backports main\n",
    });
  });

  it("reads and writes sources in deb822 style", () => {
    const stanzas = `# Of the installer.
Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main

Enabled: no
Types: deb
URIs: http://other.example/debian
Suites: bookworm
Components: main

Types: deb deb-src
# Our cache
URIs: http://cache.example:3142/debian
Suites: bookworm bookworm-updates
Components: main non-free-firmware
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 -----END PGP PUBLIC KEY BLOCK-----
`;
    const ignored = source("deb http://saved.example/debian bookworm main", "/etc/apt/sources.list.d/a.list.save");
    expect(added(ignored, source(stanzas, DEBIAN_SOURCES))).toEqual({
      file: "/etc/apt/sources.list.d/bookworm-backports.sources",
      text: `Types: deb
URIs: http://cache.example:3142/debian
Suites: bookworm-backports
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 -----END PGP PUBLIC KEY BLOCK-----
`,
    });
  });

  it("adds no source that exists, and none if the archive is unknown", () => {
    const backports = source(
      "Types: deb\nURIs: http://a.example\nSuites: bookworm-backports\nComponents: main",
      DEBIAN_SOURCES,
    );
    expect(plan(debian12, "", [mirror, backports]).commands[0]).toBe("apt-get update");
    expect(plan(debian12, "", [])).toMatchObject({ automatic: false, commands: [], needs: "bookworm-backports" });
  });

  it("contains no archive address, nor do the scripts that run the tests", () => {
    const files = ["src/cli/driver-plan.ts", "src/cli/package-sources.ts", "src/cli/setup.ts", ".ci/run"];
    for (const file of files) expect(readFileSync(file, "utf8")).not.toMatch(/https?:\/\/|debian\.org/);
  });

  it("takes the newest Mesa from the backports on Debian 13, else its own", () => {
    const trixie = source("deb http://mirror.example/debian trixie main\n");
    expect(plan(debian13, "", [trixie])).toMatchObject({ automatic: true, needs: "trixie-backports", mesa: 26 });
    const { commands } = plan(debian13, "", [trixie]);
    expect(commands[0]).toContain("'deb http://mirror.example/debian trixie-backports main' | tee");
    expect(commands[2]).toMatch(/install -y -t trixie-backports mesa-vulkan-drivers libvulkan1$/);
    const own = plan(debian13, "", []);
    expect(own).toMatchObject({ automatic: true });
    expect(own.commands.at(-1)).toMatch(/install -y mesa-vulkan-drivers libvulkan1$/);
  });

  it("knows when the archive has a newer version of the software driver", () => {
    const [bookworm, trixie] = [plan(debian12, ""), plan(debian13, "", [source("deb http://a.example trixie main")])];
    const lavapipe = (version: string) => `llvmpipe: Mesa ${version} (LLVM 19.1.7)`;
    expect(planNewerDriver(lavapipe("25.0.7-2"), trixie)).toBe(trixie);
    expect(planNewerDriver(lavapipe("26.1.6-1~bpo13+1"), trixie)).toBeUndefined();
    expect(planNewerDriver(lavapipe("25.0.7-2~bpo12+1"), bookworm)).toBeUndefined();
    expect(planNewerDriver(lavapipe("22.3.6"), bookworm)).toBe(bookworm);
    expect(planNewerDriver("NVIDIA: 535.1", trixie)).toBeUndefined();
    expect(planNewerDriver(lavapipe("25.0.7"), plan(ubuntu, ""))).toBeUndefined();
  });

  it.each([
    ["Ubuntu", ubuntu],
    ["a derivative", mint],
  ])("takes the distribution's own Mesa on %s", (_, osRelease) => {
    const { automatic, commands } = plan(osRelease, "");
    expect(automatic).toBe(true);
    expect(commands.join("\n")).not.toContain("backports");
    expect(commands.at(-1)).toMatch(/install -y mesa-vulkan-drivers libvulkan1$/);
  });

  it("puts sudo before every command that needs root", () => {
    for (const command of plan(debian12, "sudo -n ").commands) {
      expect(command).toMatch(/sudo -n (tee|env|apt-get) /);
    }
  });

  it("only shows the command on other systems", () => {
    expect(plan(rocky, "sudo ")).toEqual({
      system: "Rocky Linux 9.5",
      automatic: false,
      commands: ["sudo dnf install -y mesa-vulkan-drivers vulkan-loader"],
    });
    expect(plan("", "sudo ")).toEqual({ system: "this system", automatic: false, commands: [] });
  });
});
