// Untrusted names and texts never control the terminal that they are printed on.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import { openAsker } from "../../src/cli/asking/asking.js";
import { ModelLoadConfig } from "../../src/pipeline/load-config.js";
import { encodeImage } from "../../src/image/encode.js";
import { makeImage } from "../../src/image/image.js";
import { printable, printableJson, warnOnConsole } from "../../src/platform/printable.js";
import { dalle2, dalle2Beside } from "../support/cli.js";
import { FaultServer } from "../support/fault-server.js";

const folder = mkdtempSync(join(tmpdir(), "terminal-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Sets the title, clears the screen and moves back, with 7-bit and 8-bit codes, and reverses the text direction. */
const EVIL = "a\u001b]0;PWNED\u0007\u001b[2J\u009b2J\u009d0;x\u009c\r\b\u007f\u0000\u202eb\u2066c\u2069";
const STEERING = /[^\P{Cc}\t\n]|[\u202a-\u202e\u2066-\u2069]|\p{Cs}/u;

describe("printed text", () => {
  it("keeps tabs, line breaks, letters and symbols", () => {
    const text = "a\tb\nc\r\nd é 中文 עברית 👩‍🚀 e\u0301 \u200b\u00a0…";
    expect(printable(text)).toBe(text);
  });

  it("has no terminal control characters", () => {
    expect(EVIL).toMatch(STEERING);
    expect(printable(EVIL)).not.toMatch(STEERING);
    expect(printable("a\ud800b\udc00c😀")).toBe("a\ufffdb\ufffdc😀");
    expect(printable("a\rb")).toBe("a\ufffdb");
  });

  it("has the same content as JSON, with escapes", () => {
    const json = printableJson(JSON.stringify({ [EVIL]: [EVIL, "\ud800", "é😀"] }, null, 2));
    expect(json).not.toMatch(STEERING);
    expect(JSON.parse(json)).toEqual({ [EVIL]: [EVIL, "\ud800", "é😀"] });
  });

  it("includes warnings without an onWarning function", () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    warnOnConsole(`tensor ${EVIL}`);
    expect(warn.mock.calls.flat().join()).not.toMatch(STEERING);
    warn.mockRestore();
  });

  it("includes questions and answers", async () => {
    const write = vi.spyOn(process.stderr, "write").mockImplementation(() => true);
    using asker = openAsker({ options: "--prompt", signal: AbortSignal.abort() });
    await asker.ask({ message: `Prompt for ${EVIL}`, fallback: EVIL }).catch(() => undefined);
    const said = write.mock.calls.flat().join("");
    write.mockRestore();
    expect(said).toContain("Prompt for a");
    expect(said).not.toMatch(STEERING);
  });
});

/** A safetensors file whose only tensor has this name and one byte. */
function safetensors(name: string, end = 1): Uint8Array {
  const header = new TextEncoder().encode(
    JSON.stringify({ [name]: { dtype: "U8", shape: [1], data_offsets: [0, end] } }),
  );
  const bytes = new Uint8Array(8 + header.length + 1);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
  bytes.set(header, 8);
  return bytes;
}

function write(name: string, content: Uint8Array | string): string {
  const file = join(folder, name);
  writeFileSync(file, content);
  return file;
}

describe("the command", () => {
  const local = (path: string) => ({ load_type: "local", path });

  it.each([
    ["the name of a tensor that is damaged", () => ["inspect", write("bad.safetensors", safetensors(EVIL, 2))]],
    ["the name of a tensor", () => ["inspect", write("good.safetensors", safetensors(`net.${EVIL}`))]],
    [
      "the name of a tensor, as JSON",
      () => ["inspect", "--json", write("good.safetensors", safetensors(`net.${EVIL}`))],
    ],
    ["the name of a file", () => ["inspect", join(folder, EVIL.replaceAll("\0", ""))]],
    ["a shard's name", () => ["inspect", write("x.index.json", JSON.stringify({ weight_map: { [EVIL]: EVIL } }))]],
    ["a key of a config", () => ["memory", write("key.json", JSON.stringify({ [EVIL]: 1 }))]],
    ["a value of a config", () => ["memory", write("value.json", JSON.stringify({ devices: EVIL }))]],
    [
      "a path of a config",
      () => [
        "test",
        "--no-load",
        "--model-config",
        write("path.json", JSON.stringify({ prior: { load_model_from: local(EVIL) } })),
      ],
    ],
    ["text that is no JSON", () => ["memory", write("no.json", `${EVIL}{`)]],
    ["an option", () => ["inspect", `--${EVIL.replaceAll("\0", "")}`]],
    ["a command", () => [EVIL.replaceAll("\0", "")]],
    ["a prompt file's name", () => ["dream", "--prompts-file", EVIL.replaceAll("\0", "")]],
    ["an image's name", () => ["interpolate", "--end", "x", "--start", `${EVIL.replaceAll("\0", "")}.png`]],
    ["a download", () => ["cache", "clear", EVIL.replaceAll("\0", "")]],
    ["a stack", () => ["inspect", write("bad.safetensors", safetensors(EVIL, 2))]],
  ])("shows %s without its escapes", (what, args) => {
    const { stdout, stderr } = dalle2(args(), "", what === "a stack" ? { DALLE2_DEBUG: "1" } : {});
    expect(`${stdout}${stderr}`).not.toBe("");
    expect(`${stdout}${stderr}`).not.toMatch(STEERING);
  });

  it.each(["png", "webp"] as const)(
    "shows the texts of a %s without their escapes, and gives them as JSON",
    async (format) => {
      const text = { Comment: EVIL };
      const file = write(`a.${format}`, await encodeImage(makeImage(2, 2, 3, new Uint8Array(12)), { format, text }));
      const [plain, json] = [dalle2(["show", file]), dalle2(["show", "--json", file])];
      for (const { stdout, stderr } of [plain, json]) expect(`${stdout}${stderr}`).not.toMatch(STEERING);
      const [{ texts }] = JSON.parse(json.stdout) as [{ texts: { Comment: string } }];
      expect(texts.Comment).toContain("PWNED");
      if (format === "png") expect(texts.Comment).toBe(EVIL);
    },
  );

  it("shows a server's messages without control characters", async () => {
    const server = await FaultServer.start();
    const name = encodeURI("/a\u202eb.pth");
    server.files.set(name, { content: new Uint8Array(1) });
    server.choose =
      () =>
      ({ response }) => {
        response.writeHead(206, { "content-range": "bytes \u009b2J\u0085" }).end();
      };
    const { status, stderr } = await dalle2Beside(["inspect", server.url(name)]);
    await server.close();
    expect(status).toBe(1);
    expect(stderr).toContain("Content-Range");
    expect(stderr).not.toMatch(STEERING);
  });
});

it("warnings of the library have no control characters either", async () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
  const before = process.cwd();
  process.chdir(folder);
  const name = "x\u001b[2J.pth";
  write(name, "x");
  expect(existsSync(name)).toBe(true);
  await (await ModelLoadConfig.parse({}, "elsewhere/models.json").openFile({ load_type: "local", path: name })).close();
  process.chdir(before);
  expect(warn.mock.calls.flat().join()).toContain("is read from the working directory");
  expect(warn.mock.calls.flat().join()).not.toMatch(STEERING);
  warn.mockRestore();
});
