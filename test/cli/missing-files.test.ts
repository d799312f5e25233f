import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { makeImage } from "../../src/image/image.js";
import { encodePng } from "../../src/image/png.js";
import { dalle2 } from "../support/cli.js";

const folder = mkdtempSync(join(tmpdir(), "dalle2-missing-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const at = (name: string) => join(folder, name);
const written = (name: string, content: string) => {
  writeFileSync(at(name), content);
  return at(name);
};
const absent = { load_type: "local", path: "absent.pth" };
const config = written("config.json", JSON.stringify({ prior: { load_model_from: absent } }));
const image = written("image.png", "");
writeFileSync(image, await encodePng(makeImage(1, 1, 3, new Uint8Array(3))));

describe("a missing file ends every command with status 2 and its name", () => {
  it.each([
    ["an image", ["variation", "--image", at("absent.png")]],
    ["a mask", ["inpaint", "--image", image, "--mask", at("absent.png"), "--text", "x"]],
    ["an end", ["interpolate", "--start", at("absent.png"), "--end", "a circle"]],
    ["prompts", ["dream", "--prompts-file", at("absent.txt")]],
    ["prompts as JSON", ["dream", "--prompts-file", at("absent.json")]],
    ["a recorded image", ["dream", "--from", at("absent.png")]],
    ["an image to show", ["show", at("absent.png")]],
    ["a load config", ["dream", "--prompt", "x", "--model-config", at("absent.json")]],
    ["a load config to test", ["test", "--model-config", at("absent.json")]],
    ["a checkpoint", ["inspect", at("absent.pth")]],
    ["a checkpoint to convert", ["convert", at("absent.pth"), at("out.safetensors")]],
    ["a checkpoint of a load config", ["memory", config]],
    ["fixtures", ["verify", at("absent")]],
  ])("%s: %j", (_, args) => {
    const writes = /^(?:dream|variation|inpaint|interpolate)$/.test(args[0]!);
    const { status, stdout, stderr } = dalle2([...args, ...(writes ? ["--output-path", at("out")] : [])]);
    expect(stderr).toMatch(/absent(?:\.\w+)?[:. ]/);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(readdirSync(folder)).toEqual(["config.json", "image.png"]);
  });
});

it.runIf(process.platform === "linux")("a checkpoint is not read if its copy cannot be written", () => {
  const { status, stderr } = dalle2(["convert", at("absent.pth"), "/proc/none/out.safetensors"]);
  expect(stderr).toContain("/proc/none: no files can be written there: the file system of /proc takes no new files");
  expect(status).toBe(1);
});
