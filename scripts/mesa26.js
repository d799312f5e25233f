// `npm run test:mesa26`: the tests of kernels and the fixtures on Mesa 26, whose software driver has subgroup matrices and
// cheap loads at uniform addresses. Debian 12 has Mesa 25, so this builds a Debian 13 with Mesa from its backports in
// `.cache/mesa26` (once, 700 MB) and runs there. Needs Linux, root and debootstrap. With arguments it runs them as a command
// there: `npm run test:mesa26 -- node dist/cli/main.js doctor`.

import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const project = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");
const folder = join(project, ".cache", "mesa26");
const mirror = process.env.DEBIAN_MIRROR ?? "http://deb.debian.org/debian";

/** Why the root cannot be built or entered here, or undefined. */
function obstacle() {
  if (process.platform !== "linux") return "It needs Linux.";
  if (process.getuid() !== 0) return "It needs root, to mount and chroot. Run it with sudo, or in a container as root.";
  if (!existsSync(folder) && spawnSync("debootstrap", ["--version"]).error) {
    return "It needs debootstrap: apt-get install debootstrap.";
  }
  return undefined;
}

/** Runs a program. Throws if it fails. */
function run(program, args, options = {}) {
  console.log(`$ ${[program, ...args].join(" ")}`);
  const { status, error } = spawnSync(program, args, { stdio: "inherit", ...options });
  if (error) throw error;
  if (status !== 0) throw new Error(`${program} ended with status ${status ?? "none"}.`);
}

/** Builds the root beside its place, so that an interrupted build is not taken for a whole one. */
function build() {
  const partial = `${folder}.partial`;
  rmSync(partial, { recursive: true, force: true });
  run("debootstrap", ["--variant=minbase", "trixie", partial, mirror]);
  writeFileSync(join(partial, "etc/apt/sources.list.d/backports.list"), `deb ${mirror} trixie-backports main\n`);
  copyFileSync("/etc/resolv.conf", join(partial, "etc/resolv.conf"));
  const install = "apt-get install --yes --no-install-recommends --target-release trixie-backports";
  const commands = `apt-get update && ${install} mesa-vulkan-drivers libvulkan1 && apt-get clean`;
  run("chroot", [partial, "env", "DEBIAN_FRONTEND=noninteractive", "sh", "-c", commands]);
  renameSync(partial, folder);
}

// A mount namespace of its own: all mounts are gone when the command ends.
const ENTER = `
root=$1 project=$2; shift 2
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mkdir -p "$root$project"
mount --bind "$project" "$root$project"
exec chroot "$root" sh -c 'cd "$0" && exec "$@"' "$project" "$@"
`;

/** The short hash of the commit; with "+" if files differ from it. */
function commit() {
  const git = (...args) => spawnSync("git", args, { cwd: project, encoding: "utf8" }).stdout?.trim() ?? "";
  const isChanged = git("status", "--porcelain", "--untracked-files=no", "--", "src", "kernels") !== "";
  return `${git("rev-parse", "--short", "HEAD")}${isChanged ? "+" : ""}`;
}

/** Runs a command in the root, in the folder of the project. Returns true if it succeeded. */
function inside(command) {
  console.log(`\n# ${command.join(" ")}`);
  // They name files outside.
  const outside = ["VK_ICD_FILENAMES", "VK_DRIVER_FILES", "NODE_EXTRA_CA_CERTS", "DALLE2_CACHE"];
  const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !outside.includes(name)));
  const env = {
    ...environment,
    // Results of benchmarks name the commit, and there is no git.
    DALLE2_BENCH_COMMIT: commit(),
    HOME: "/root",
    PATH: "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    XDG_RUNTIME_DIR: "/tmp",
  };
  const args = ["--mount", "sh", "-euc", ENTER, "enter", folder, project, ...command];
  const { status, error } = spawnSync("unshare", args, { stdio: "inherit", env });
  if (error) console.error(error.message);
  return status === 0;
}

const VITEST = "node_modules/vitest/vitest.mjs";
const TESTS = [
  ["node", "dist/cli/main.js", "doctor"],
  // With vectors of 512 bits there are no subgroup matrices.
  ["env", "LP_NATIVE_VECTOR_WIDTH=256", "node", VITEST, "run", "test/ops", "test/gpu", "test/nn", "test/tuning"],
  ["node", VITEST, "run", "test/ops/product"],
  ["node", "dist/cli/main.js", "verify", "test/fixtures", "--tuning", "each"],
  ["node", "dist/cli/main.js", "verify", "test/fixtures", "--tuning", "each", "--dtype", "f16"],
];

const problem = obstacle();
if (problem !== undefined) {
  console.error(`Mesa 26 cannot be tested here. ${problem}`);
  process.exitCode = 1;
} else {
  if (!existsSync(folder)) build();
  copyFileSync(process.execPath, join(folder, "usr/local/bin/node"));
  const given = process.argv.slice(2);
  const failed = (given.length > 0 ? [given] : TESTS).filter((command) => !inside(command));
  for (const command of failed) console.error(`failed on Mesa 26: ${command.join(" ")}`);
  process.exitCode = failed.length > 0 ? 1 : 0;
}
