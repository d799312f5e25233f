import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { withDefaults } from "../../src/platform/node-dawn.js";
import { CLI } from "../support/cli.js";

// Dawn takes the last "enable-dawn-features" alone: a list of the caller's must not turn the default ones off.
it("puts toggles of the caller into one list with the default ones", () => {
  const flags = withDefaults(["backend=vulkan", "enable-dawn-features=a,b", "enable-dawn-features=c"]);
  expect(flags).toHaveLength(2);
  expect(flags[0]).toMatch(/^enable-dawn-features=.*vulkan_enable_f16_on_nvidia.*,a,b,c$/);
  expect(flags[1]).toBe("backend=vulkan");
  expect(withDefaults([])[0]).toMatch(/[^,]$/);
});

/** Has the package fail as it does where its native part is missing, or made for another system. */
const WITHOUT_NATIVE_PART = `import { register } from "node:module";
register("data:text/javascript," + encodeURIComponent(\`
  export async function resolve(name, context, next) {
    if (name !== "webgpu") return next(name, context);
    return { url: "data:text/javascript,throw new Error('Cannot find module dawn.node\\\\\\\\nRequire stack:')", shortCircuit: true };
  }\`));`;

function nodeWithoutNativePart(args: readonly string[]) {
  const loader = `data:text/javascript,${encodeURIComponent(WITHOUT_NATIVE_PART)}`;
  return spawnSync(process.execPath, ["--import", loader, ...args], { encoding: "utf8" });
}

describe("without the native part of the package webgpu", () => {
  it.each(["doctor", "setup", "dream --prompt x"])(
    "dalle2 %s says what is missing and what to do, without a stack",
    (command) => {
      const { status, stderr } = nodeWithoutNativePart([CLI, ...command.split(" ")]);
      expect(status).toBe(1);
      expect(stderr).toMatch(
        /^The package webgpu could not be loaded \(Node on \w+-\w+\): Cannot find module dawn\.node\b/m,
      );
      expect(stderr).toContain("npm install webgpu");
      expect(stderr).not.toMatch(/^\s+at |Require stack/m);
    },
  );

  it("openGpu rejects with a typed error", () => {
    const { stdout, stderr } = nodeWithoutNativePart([
      "--input-type=module",
      "-e",
      `const { openGpu } = await import("./dist/index.js");
      console.log(JSON.stringify(await openGpu().catch((error) => error)));`,
    ]);
    expect(JSON.parse(stdout), stderr).toMatchObject({
      name: "GpuUnavailableError",
      code: "gpu/unavailable",
      advice: expect.stringContaining("npm install webgpu") as string,
      cause: { message: expect.stringContaining("dawn.node") as string },
    });
  });
});

// Software drivers allow so many dynamic buffers that Dawn says so; those of most GPUs do not.
describe.runIf(process.platform === "linux")("Dawn's lines on limits that it reduces", () => {
  it("do not come through a pipe", () => {
    const { stdout, status } = spawnSync(
      "sh",
      ["-c", `"$0" "$1" doctor 2>&1 >/dev/null | cat`, process.execPath, CLI],
      {
        encoding: "utf8",
      },
    );
    expect(status).toBe(0);
    expect(stdout).toBe("");
  });

  it("do not come to a terminal", () => {
    const { stdout, status } = spawnSync("script", ["-qec", `"${process.execPath}" "${CLI}" doctor`, "/dev/null"], {
      encoding: "utf8",
    });
    expect(status).toBe(0);
    expect(stdout).toContain("Everything works.");
    expect(stdout).not.toContain("artificially reduced");
  });
});
