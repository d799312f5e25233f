import { once } from "node:events";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { recordTexts, type ImageRecord } from "../../src/pipeline/records/image-record.js";
import { ConfigError } from "../../src/config/config-error.js";
import { ModelLoadConfig } from "../../src/pipeline/load-config.js";
import { openSource } from "../../src/files/open.js";
import { openRemote } from "../../src/files/remote-file.js";
import { encodeImage } from "../../src/image/encode.js";
import { makeImage } from "../../src/image/image.js";
import { FileError } from "../../src/platform/errors.js";
import { excerpt } from "../../src/platform/printable.js";
import { hideSecrets, registerSecret, publicUrl } from "../../src/platform/secrets.js";
import { openCheckpoint } from "../../src/models/open-checkpoint.js";
import { dalle2Beside, type RunOptions } from "../support/cli.js";
import { fixtureFolder } from "../support/golden.js";

/** Every planted secret contains this text, and nothing else does. */
const MARK = "SECRET";
const TOKEN = `hub-${MARK}-1`;
const USER = `user-${MARK}-2:password-${MARK}-3`;
const QUERY = `?download=true&token=t-${MARK}-4&X-Amz-Signature=a-${MARK}-5&access_token=b-${MARK}-6&sv=c-${MARK}-7`;

const fixture = fixtureFolder("pipeline");
let folder: string;
let server: Server;
let other: Server;
/** The requests to each server, with their authorization. */
const asked: { host: string; path: string; authorization: string | undefined }[] = [];

/** Sends the fixture's file that the last part of the path names, by range; or fails, as the first part says. */
function serve(): Server {
  return createServer((request, response) => {
    const { pathname } = new URL(request.url!, "http://x");
    const [, how, name = ""] = pathname.split("/");
    asked.push({ host: request.headers.host!, path: request.url!, authorization: request.headers.authorization });
    const status = /^status(\d+)$/.exec(how!)?.[1];
    const moved: Record<string, string> = {
      other: `${urlOf(other)}/plain/${name}${QUERY}`,
      loop: `/loop/${name}${QUERY}`,
      local: "file:///etc/passwd",
      broken: `http://[${USER}`,
      signed: `http://${USER}@127.0.0.1:1/${QUERY}`,
    };
    if (status !== undefined) return void response.writeHead(Number(status)).end();
    const location = moved[how ?? ""];
    if (location !== undefined) return void response.writeHead(302, { location }).end();
    if (how === "odd") return void response.writeHead(206, { "content-range": request.headers.authorization }).end();
    const names = readdirSync(fixture);
    if (how === "stall") return void response.writeHead(200).write("{");
    const found = names.includes(name) ? readFileSync(join(fixture, name)) : undefined;
    const content = name === "bad.json" ? Buffer.from("{ no") : name.endsWith(".sum") ? sum : found;
    if (!content) return void response.writeHead(404).end();
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "");
    if (!range) return void response.writeHead(200, { "content-length": content.length, etag: '"1"' }).end(content);
    const [start, end] = [Number(range[1]), range[2] ? Number(range[2]) + 1 : content.length];
    const part = content.subarray(start, end);
    const headers = { "content-range": `bytes ${start}-${start + part.length - 1}/${content.length}`, etag: '"1"' };
    return void response.writeHead(206, headers).end(part);
  }).listen(0, "127.0.0.1");
}

/** The checksum of another file. */
const sum = Buffer.from("0".repeat(64));
const urlOf = (one: Server, user = "") => `http://${user}127.0.0.1:${(one.address() as AddressInfo).port}`;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "secrets-"));
  [server, other] = [serve(), serve()];
  await Promise.all([once(server, "listening"), once(other, "listening")]);
  // Long enough for the last of them, also on a slow machine.
  vi.stubEnv("HF_ENDPOINT", urlOf(server));
  vi.stubEnv("HF_TOKEN", TOKEN);
});

afterAll(() => {
  vi.unstubAllEnvs();
  for (const one of [server, other]) one.closeAllConnections();
  for (const one of [server, other]) one.close();
  rmSync(folder, { recursive: true });
});

/** Everything that is visible in an error. */
function allOf(error: unknown): string {
  const causes: unknown[] = [];
  for (let one = error; one instanceof Error && causes.length < 9; one = one.cause)
    causes.push(one.message, one.stack, Object.entries(one));
  return [inspect(error, { depth: 9, showHidden: true }), JSON.stringify(error), inspect(causes, { depth: 9 })].join(
    "\n",
  );
}

describe("an address", () => {
  it.each([
    ["https://example.org/a/b.pth", "https://example.org/a/b.pth"],
    ["https://user:pass@example.org/b.pth", "https://…@example.org/b.pth"],
    ["https://user:p@ss@example.org/b.pth", "https://…@example.org/b.pth"],
    ["https://user:pa/ss@example.org/b.pth", "https://…@example.org/b.pth"],
    ["https:user:pass@example.org/b.pth", "https:…@example.org/b.pth"],
    ["htps://user:pass@example.org/b.pth", "htps://…@example.org/b.pth"],
    ["https://example.org/b.pth?download=true&ref=main", "https://example.org/b.pth?download=true&ref=main"],
    ["https://example.org/b.pth?Signature=x;key=y&z", "https://example.org/b.pth?Signature=…;key=…&…"],
    [`https://example.org/?v=${"eyJhbGciOiJI".repeat(5)}`, "https://example.org/?v=…"],
    ["https://example.org/b.pth#access_token=x", "https://example.org/b.pth#…"],
    ["https://example.org/token=x/b.pth", "https://example.org/token=…/b.pth"],
    ["models/user@home/b.pth?c#d", "models/user@home/b.pth?c#d"],
    ["C:\\models\\b.pth", "C:\\models\\b.pth"],
  ])("%s is shown as %s", (url, shown) => {
    expect(publicUrl(url)).toBe(shown);
    expect(publicUrl(shown)).toBe(shown);
    expect(hideSecrets(`(${url}): no, "${url}".`)).toBe(`(${shown}): no, "${shown}".`);
  });

  it("is not the name of a setting that begins like a token of the hub", () => {
    const names = "hf_tokenizer_name, hf_pooler_type, hf_model_pretrained";
    expect(hideSecrets(names)).toBe(names);
    for (const token of ["hf_abcdefgH", "hf_AbCdEfGhIjKlMnOpQrStUvWxYzAbCdEfGh", `hf_${"a".repeat(34)}`, "hf_abc4defg"])
      expect(hideSecrets(`found ${token}_name.`)).toBe("found hf_…_name.");
  });

  it("is found in any text in a time that grows with its length", () => {
    const begin = performance.now();
    for (const part of [
      "a",
      "a:",
      "https:",
      "https://",
      "http://a@",
      "token",
      "hf_",
      "Bearer ",
      "https://x/token",
      "&a=b",
    ]) {
      hideSecrets(part.repeat(100_000));
      publicUrl(`https://x?${part.repeat(100_000)}`);
    }
    expect(performance.now() - begin).toBeLessThan(10_000);
  });
});

describe("a token that is none", () => {
  it.each([`a-${MARK}\nb`, `a-${MARK}\rb`, `a ${MARK}`, `ä-${MARK}`, `\u0000${MARK}`])("%j", async (token) => {
    vi.stubEnv("HF_TOKEN", "");
    vi.stubEnv("HUGGING_FACE_HUB_TOKEN", token.replace("\u0000", "\u0001"));
    const error: unknown = await openSource("https://huggingface.co/x/resolve/main/y").catch((one: unknown) => one);
    vi.stubEnv("HF_TOKEN", TOKEN);
    vi.stubEnv("HUGGING_FACE_HUB_TOKEN", undefined);
    expect(error).toBeInstanceOf(FileError);
    expect((error as Error).message).toContain("HUGGING_FACE_HUB_TOKEN");
    expect(allOf(error)).not.toContain(MARK);
  });
});

const WAYS = [
  ["plain", "prior.pth"],
  ["plain", "bad.json"],
  ["plain", "load_config.json"],
  ["plain", "absent.pth"],
  ["status401", "a.pth"],
  ["status403", "a.pth"],
  ["status500", "a.pth"],
  ["stall", "a.pth"],
  ["other", "prior.pth"],
  ["other", "absent.pth"],
  ["loop", "a.pth"],
  ["local", "a.pth"],
  ["broken", "a.pth"],
  ["signed", "a.pth"],
  ["odd", "a.pth"],
] as const;

describe("the library, with any server", () => {
  const patience = { attempts: 2, pause: 1, stall: 300 };
  let warnings: string[];
  const onWarning = (message: string) => warnings.push(message);
  const files = () => ({ cacheFolder: join(folder, "cache"), patience, onWarning, checksumUrl: undefined });

  /** Ways to open a file, with all messages and errors. */
  async function sayAll(url: string): Promise<string> {
    warnings = [];
    const progress: unknown[] = [];
    const onProgress = (one: unknown) => progress.push(one);
    const checksumUrl = url.replace(/\/[^/?]+\?/, "/a.sum?");
    const config = async () => {
      const { source, data } = await ModelLoadConfig.fromJsonPath(url, { patience });
      return { name: inspect([source, data]), close: () => Promise.resolve() };
    };
    const attempts = [
      config,
      () => openSource(url, { patience }),
      async () => openCheckpoint(await openSource(url, { patience })),
      () => openRemote({ url, filename: "f" }, { ...files(), onProgress }),
      () => openRemote({ url, filename: "f", checksumUrl }, { ...files(), onProgress }),
      () => openRemote({ url, filename: "f", folder: join(folder, "kept") }, { ...files(), onProgress }),
    ];
    const said: string[] = [];
    for (const attempt of attempts) {
      said.push(
        await attempt()
          .then(async (opened) => {
            await opened.close();
            return opened.name;
          })
          .catch(allOf),
      );
    }
    return [...said, ...warnings, inspect(progress)].join("\n");
  }

  it.each(WAYS)("/%s/%s", async (how, name) => {
    for (const user of ["", `${USER}@`])
      expect(await sayAll(`${urlOf(server, user)}/${how}/${name}${QUERY}`)).not.toContain(MARK);
  });

  it.each([
    ["a name that is unknown", `http://${USER}@no-such-host.invalid/a.pth${QUERY}`],
    ["a port where nobody listens", `http://${USER}@127.0.0.1:1/a.pth${QUERY}`],
    ["an address that is none", `http://${USER}@[/a.pth${QUERY}`],
    ["a scheme that is none", `htps://${USER}@example.org/a.pth${QUERY}`],
    ["a slash in a password", `https://user:a/${MARK}@example.org/a.pth`],
  ])("%s", async (_, url) => {
    expect(await sayAll(url)).not.toContain(MARK);
  });

  it("keeps no secret in the files that it writes", async () => {
    const url = `${urlOf(server, `${USER}@`)}/plain/prior.pth${QUERY}`;
    await (await openRemote({ url, filename: "g", folder: join(folder, "kept") }, files())).close();
    // The URL is recognised by the record, and another one is too.
    warnings = [];
    await (await openRemote({ url, filename: "g", folder: join(folder, "kept") }, files())).close();
    expect(warnings).toEqual([]);
    await (await openRemote({ url: `${url}8`, filename: "g", folder: join(folder, "kept") }, files())).close();
    expect(warnings.join()).toContain("replacing it with");
    for (const file of filesIn(folder)) expect(`${file} ${readFileSync(file, "latin1")}`).not.toContain(MARK);
  });

  it("sends the token, and a user's password, to the host that it is for only", async () => {
    asked.length = 0;
    await (await openSource(`${urlOf(server)}/other/prior.pth`, { patience })).close();
    await (await openSource(`${urlOf(server, `${USER}@`)}/other/prior.pth`, { patience })).close();
    const sent = (one: Server) =>
      asked.filter(({ host }) => urlOf(one).endsWith(host)).map(({ authorization }) => authorization);
    expect(sent(server)).toEqual([`Bearer ${TOKEN}`, `Basic ${Buffer.from(USER).toString("base64")}`]);
    expect(sent(other)).toEqual([undefined, undefined]);
  });

  it("shows no secret of a config, in its place or in a wrong one", () => {
    const url = `http://${USER}@127.0.0.1/a.pth${QUERY}`;
    const wrong: readonly unknown[] = [
      { prior: { load_model_from: { load_type: "url", path: `htp://${USER}@h/a` } } },
      {
        prior: {
          load_model_from: { load_type: "url", path: "https://h/a", checksum_file_path: `ftp://${USER}@h/a${QUERY}` },
        },
      },
      { prior: { load_model_from: { load_type: "url", path: { hf_token: MARK, url } } } },
      { clip: url },
      { devices: `http://${USER}@h` },
      { decoder: { unet_sources: [{ token: MARK }] }, hf_token: MARK },
    ];
    for (const value of wrong) {
      const parse = () => ModelLoadConfig.parse(value, url);
      expect(parse).toThrow(ConfigError);
      try {
        parse();
      } catch (error) {
        expect(allOf(error)).not.toContain(MARK);
      }
    }
    expect(ModelLoadConfig.parse({}, url).source).toMatch(/^http:\/\/…@127\.0\.0\.1\/a\.pth\?download=true&token=…/);
  });
});

function filesIn(path: string): string[] {
  const names = readdirSync(path, { recursive: true, encoding: "utf8" });
  return names.map((name) => join(path, name)).filter((file) => statSync(file).isFile());
}

describe("the command", () => {
  let cwd: string;
  const run = (args: readonly string[], options: RunOptions = {}) =>
    dalle2Beside(args, {
      cwd,
      ...options,
      env: { DALLE2_CACHE: join(cwd, "cache"), DALLE2_DEBUG: "1", ...options.env },
    });

  beforeAll(async () => {
    cwd = join(folder, "command");
    cpSync(fixture, cwd, { recursive: true });
    const base = urlOf(server, `${USER}@`);
    const remote = (name: string) => ({ load_type: "url", path: `${base}/plain/${name}${QUERY}` });
    const config = {
      prior: { load_model_from: remote("prior.pth"), load_config_from: remote("prior_config.json"), version: "1.14.2" },
      clip: {
        model: "tiny",
        load_model_from: { ...remote("absent.pth"), checksum_file_path: `${base}/plain/a.sum${QUERY}` },
      },
    };
    writeFileSync(join(cwd, "remote.json"), JSON.stringify(config));
    const record: ImageRecord = {
      software: "dalle2-webgpu 0.1.0",
      seed: 1,
      parameters: { script: "BasicInference", text: "a ring" },
      inputs: { prompt: "a ring" },
      model: { config: `${base}/plain/load_config.json${QUERY}`, files: [] },
      adapter: "x",
      dtype: "f32",
      weights: "full",
      tuning: "default",
    };
    const image = makeImage(2, 2, 3, new Uint8Array(12));
    const bytes = await encodeImage(image, { format: "png", text: recordTexts(record, "a ring") });
    // Copied before the command runs, so that it does not count as a file that the command wrote.
    writeFileSync(join(folder, "old.png"), bytes);
  });

  it("shows no secret, for any request", async () => {
    const base = `${urlOf(server, `${USER}@`)}/plain`;
    const config = `${base}/load_config.json${QUERY}`;
    const calls: readonly (readonly [status: number, ...args: string[]])[] = [
      [0, "inspect", `${base}/prior.pth${QUERY}`],
      [0, "inspect", `${base}/prior.pth${QUERY}`, "--json"],
      [1, "inspect", `${urlOf(server)}/status401/a.pth${QUERY}`],
      [1, "inspect", `${base}/bad.json${QUERY}`],
      [0, "memory", config],
      [2, "memory", `${base}/bad.json${QUERY}`],
      [0, "convert", `${base}/prior.pth${QUERY}`, "out.safetensors"],
      [0, "test", "--no-load", "--model-config", config],
      [1, "test", "--no-load", "--model-config", "remote.json"],
      [1, "test", "--no-load", "--json", "--model-config", "remote.json"],
      [0, "cache", "list"],
      [0, "cache", "list", "--json"],
      [2, "cache", "clear", `${base}/never.pth${QUERY}`],
      [0, "cache", "clear", "--yes", `${base}/prior_config.json${QUERY}`],
      [0, "show", join(folder, "old.png")],
      [0, "show", "--json", join(folder, "old.png")],
      [2, "dream", "--from", join(folder, "old.png")],
      [2, "inspect", `--token=${TOKEN}`],
      [2, `${base}/a.pth${QUERY}`],
      [
        0,
        "dream",
        "--prompt",
        `a ring ${TOKEN}`,
        "--verbose",
        "--steps",
        "1,1",
        "--prior-steps",
        "2",
        "--model-config",
        config,
      ],
    ];
    for (const [status, ...args] of calls) {
      const said = await run(args);
      expect(said.status, `${args.join(" ")}\n${said.stderr}`).toBe(status);
      expect(`${said.stdout}${said.stderr}`, args.join(" ")).not.toContain(MARK);
    }
    const bad = await run(["inspect", `${urlOf(server)}/plain/prior.pth`], { env: { HF_TOKEN: `${MARK}\n${MARK}` } });
    expect([bad.status, bad.stderr]).toEqual([1, expect.stringContaining("environment variable HF_TOKEN")]);
    expect(`${bad.stdout}${bad.stderr}`).not.toContain(MARK);
    const written = filesIn(cwd).filter((file) => file !== join(cwd, "remote.json"));
    expect(written.filter((file) => file.endsWith(".png"))).toHaveLength(1);
    for (const file of written) expect(`${file} ${readFileSync(file, "latin1")}`.includes(MARK), file).toBe(false);
  });
});

it("a text is cut before or after a secret, never inside", () => {
  registerSecret("cut-in-the-middle");
  for (let before = 100; before <= 120; before++) {
    const shown = excerpt(`${"-".repeat(before)} cut-in-the-middle and more`);
    expect(shown).not.toContain("cut");
    expect(shown.length).toBeLessThanOrEqual(121);
  }
});
