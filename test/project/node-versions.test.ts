import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RgbImage } from "../../src/image/image.js";
import { CLI, readImage } from "../support/cli.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const { NODE_LINES, nodeProgram, hasNodes, installNodes } = (await import(join(root, "scripts/install-nodes.js"))) as {
  readonly NODE_LINES: readonly number[];
  readonly nodeProgram: (line: number) => string;
  readonly hasNodes: () => boolean;
  readonly installNodes: () => void;
};

it("the oldest Node that generates an image is the oldest that package.json allows", () => {
  const { engines } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { engines: { node: string } };
  expect(engines.node).toMatch(new RegExp(`^>=${NODE_LINES[0]!}\\.`));
});

// Four programs of 120 MB are no part of `npm ci`. Without REQUIRE_NODES, what `node scripts/install-nodes.js` installed
// before is run, and this is skipped where nothing is.
const isSkipped = !hasNodes() && !process.env.REQUIRE_NODES;
const reason = isSkipped ? " (skipped: run node scripts/install-nodes.js, or set REQUIRE_NODES=1)" : "";

describe.skipIf(isSkipped)(`dream on the newest release of each line${reason}`, () => {
  const folder = mkdtempSync(join(tmpdir(), "nodes-"));
  let expected: RgbImage;
  beforeAll(async () => {
    if (process.env.REQUIRE_NODES) installNodes();
    expected = await dream(process.execPath);
  }, 300_000);
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  /** The image that the command makes on a Node. */
  async function dream(program: string): Promise<RgbImage> {
    const settings = ["--prompt", "a red circle", "--seed", "1", "--prior-steps", "2", "--steps", "2"];
    const args = [CLI, "dream", ...settings, "--output-path", folder, "--json"];
    const { status, stdout, stderr } = spawnSync(program, args, { encoding: "utf8", input: "" });
    expect(status, stderr).toBe(0);
    return await readImage((JSON.parse(stdout) as { file: string }[])[0]!.file);
  }

  it.each(NODE_LINES)("Node %i makes the same image as the Node of the tests", async (line) => {
    const program = nodeProgram(line);
    const { stdout: version } = spawnSync(program, ["--version"], { encoding: "utf8" });
    expect(version).toMatch(new RegExp(`^v${line}\\.`));
    expect((await dream(program)).data).toEqual(expected.data);
  });
});
