// Files and responses without an end, or with one too far away: each is given up immediately, or at its limit, with a typed
// error.
import { execFileSync, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createSocketServer, type AddressInfo, type Server as SocketServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createGzip } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { ModelLoadConfig } from "../../src/pipeline/load-config.js";
import { openSource } from "../../src/files/open.js";
import { openRemote } from "../../src/files/remote-file.js";
import { FileError } from "../../src/platform/errors.js";
import { openFile, readBytes, readText } from "../../src/platform/node.js";
import { openCheckpoint } from "../../src/models/open-checkpoint.js";
import { CLI, dalle2Beside } from "../support/cli.js";
import { fixtureFolder } from "../support/golden.js";

const folder = mkdtempSync(join(tmpdir(), "endless-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Long enough for a busy machine; what these tests are about never ends. */
const SOON = 60_000;

describe.runIf(process.platform === "linux")("what is not a file", () => {
  const pipe = join(folder, "pipe");
  const [png, json, safetensors] = [".png", ".json", ".safetensors"].map((end) => pipe + end) as [
    string,
    string,
    string,
  ];
  const socket = join(folder, "socket");
  let listener: SocketServer;

  beforeAll(async () => {
    for (const file of [pipe, png, json, safetensors]) execFileSync("mkfifo", [file]);
    listener = createSocketServer().listen(socket);
    await once(listener, "listening");
    mkdirSync(join(folder, "fixture"));
    execFileSync("mkfifo", [join(folder, "fixture", "fixture.json")]);
    writeFileSync(
      join(folder, "pipes.json"),
      JSON.stringify({ prior: { load_model_from: { load_type: "local", path: "pipe" } } }),
    );
  });
  afterAll(() => listener.close());

  it.each([
    ["a named pipe", () => pipe],
    ["a socket", () => socket],
    ["a device", () => "/dev/zero"],
    ["a folder", () => folder],
    ["a terminal", () => "/dev/ptmx"],
  ])("is refused: %s", async (_, path) => {
    for (const open of [() => openFile(path()), () => readBytes(path(), 100), () => readText(path(), 100)]) {
      await expect(open()).rejects.toThrow(FileError);
      await expect(open()).rejects.toThrow(`${path()}: is a folder or a device; name a file in it`);
    }
  });

  it("is refused by every command", async () => {
    const calls = [
      ["inspect", pipe],
      ["inspect", socket],
      ["show", pipe],
      ["show", "/dev/zero"],
      ["show", folder],
      ["memory", json],
      ["convert", pipe, "out.safetensors"],
      ["verify", join(folder, "fixture")],
      ["test", "--no-load", "--model-config", pipe],
      ["test", "--no-load", "--model-config", join(folder, "pipes.json")],
      ["dream", "--prompt", "x", "--model-config", pipe],
      ["dream", "--prompts-file", pipe],
      ["dream", "--prompts-file", json],
      ["dream", "--prompts-file", "/dev/zero"],
      ["dream", "--prompts-file", socket],
      ["dream", "--from", png],
      ["inpaint", "--image", png, "--mask", png],
      ["interpolate", "--start", png, "--end", "x"],
    ];
    for (const args of calls) {
      const { status, stdout, stderr } = await dalle2Beside(args, { cwd: folder, timeout: SOON });
      expect([args, status]).toEqual([args, 1]);
      expect(`${stdout}${stderr}`, args.join(" ")).toContain("is a folder or a device; name a file in it");
    }
  });

  it("is looked into if it is a folder, which may hold models", async () => {
    for (const args of [
      ["inspect", folder],
      ["memory", folder],
      ["convert", folder, "out"],
    ]) {
      const { status, stdout, stderr } = await dalle2Beside(args, { cwd: folder, timeout: SOON });
      expect([args, status]).toEqual([args, 2]);
      expect(`${stdout}${stderr}`, args.join(" ")).toContain("is not a folder of models: it has no model_index.json");
    }
  });

  it("is read if it is the input of the command", () => {
    const shell = (script: string) =>
      spawnSync("bash", ["-c", script], { encoding: "utf8", cwd: folder, timeout: SOON });
    const config = join(fixtureFolder("pipeline"), "load_config.json");
    const check = `${process.execPath} ${CLI} test --no-load --json --model-config`;
    for (const script of [
      `cat ${config} | ${check} /dev/stdin`,
      `${check} /dev/stdin < ${config}`,
      `${check} <(cat ${config})`,
    ]) {
      expect(shell(script).stdout, script).toContain('"place": "prior.load_model_from"');
    }
    const prompts = `${process.execPath} ${CLI} dream --model-config absent.json --prompts-file`;
    // It gets as far as the models.
    expect(shell(`echo "a ring" | ${prompts} /dev/stdin`).stderr).toContain("absent.json");
    expect(shell(`${prompts} /dev/stdin < /dev/zero`).stderr).toContain("/dev/stdin: goes on after 16777216 bytes");
    expect(shell(`yes | ${prompts} /dev/fd/0`).stderr).toContain("/dev/fd/0: goes on after 16777216 bytes");
  });
});

describe("a file of 5 GB", () => {
  const sparse = (name: string) => {
    const file = join(folder, name);
    writeFileSync(file, "");
    truncateSync(file, 5 * 2 ** 30);
    return file;
  };

  it.each([
    ["16 MiB", ["memory"], "config.json"],
    ["16 MiB", ["test", "--no-load", "--model-config"], "config.json"],
    ["16 MiB", ["dream", "--prompts-file"], "prompts.txt"],
    ["16 MiB", ["dream", "--prompts-file"], "prompts.json"],
    ["256 MiB", ["show"], "a.png"],
    ["256 MiB", ["dream", "--from"], "a.webp"],
    ["256 MiB", ["interpolate", "--end", "x", "--start"], "a.jpg"],
    ["256 MiB", ["inpaint", "--image", "absent.png", "--mask"], "mask.png"],
  ])("is refused at %s by %j %s", async (limit, args, name) => {
    const file = sparse(name);
    const call = args.map((arg) => (arg === "absent.png" ? file : arg));
    const { status, stderr } = await dalle2Beside([...call, file], { timeout: SOON });
    const problem = `${file}: has 5368709120 bytes; the limit for such a file is ${limit}`;
    expect([status, stderr]).toEqual([1, `${problem}\nCheck that it is the right file.\n`]);
  });

  it("is refused as the train config that a load config names", async () => {
    sparse("train.json");
    const file = { load_type: "local", path: "train.json" } as const;
    const config = ModelLoadConfig.parse({}, join(folder, "models.json"));
    await expect(config.readJson(file)).rejects.toThrow(FileError);
    await expect(config.readJson(file)).rejects.toThrow(
      /train\.json: has 5368709120 bytes; the limit for such a file is 16 MiB/,
    );
  });

  it("is opened as a checkpoint, and read in pieces that fit", async () => {
    const source = await openFile(sparse("model.bin"));
    expect(await source.read(5 * 2 ** 30 - 3, 3)).toEqual(new Uint8Array(3));
    await expect(source.read(0, source.size)).rejects.toThrow(/cannot be read at once/);
    await source.close();
  });
});

const MEBIBYTE = Buffer.alloc(2 ** 20, 32);

/** Sends spaces without an end, compressed or not. */
const endless: RequestListener = (request, response) => {
  const isPacked = request.url!.startsWith("/packed");
  response.writeHead(200, isPacked ? { "content-encoding": "gzip" } : {});
  const out = isPacked ? createGzip() : response;
  if (out !== response) out.pipe(response);
  const send = (): void => {
    while (!response.destroyed && out.write(MEBIBYTE));
    if (!response.destroyed) out.once("drain", send);
  };
  response.on("error", () => undefined).on("close", () => out.destroy());
  send();
};

/** Begins a response and then sends nothing, or a byte now and then. */
const still: RequestListener = (request, response) => {
  response.writeHead(200);
  response.write("{");
  if (!request.url!.startsWith("/drip")) return;
  const timer = setInterval(() => response.write(" "), 20);
  response.on("close", () => {
    clearInterval(timer);
  });
};

/** Announces a wrong size. */
const claiming: RequestListener = ({ url, headers }, response) => {
  const size = url!.slice(1);
  const [, start = "", last = ""] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? "") ?? [];
  response.writeHead(206, { "content-range": `bytes ${start}-${last || start}/${size}`, etag: '"1"' });
  response.end("{");
};

const looping: RequestListener = (request, response) => {
  response.writeHead(302, { location: `${request.url}x` }).end();
};

describe("a server", () => {
  let server: Server | undefined;
  const cacheFolder = join(folder, "cache");
  /** Of servers that stall. Others may be silent for longer on a busy machine. */
  const STALL = 200;

  async function start(answer: RequestListener): Promise<string> {
    server = createServer(answer).listen(0, "127.0.0.1");
    await once(server, "listening");
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
  });

  /** The error of opening a URL, for each way of opening one but those left out. */
  async function failures(url: string, left: readonly string[] = [], stall = 5000) {
    const quiet = { patience: { attempts: 2, pause: 1, stall }, cacheFolder, onWarning: () => undefined };
    const remote = (path: string) => ({ load_type: "url", path, filename_override: "f" }) as const;
    const own = ModelLoadConfig.parse({}, "models.json");
    const ways: Readonly<Record<string, () => Promise<unknown>>> = {
      config: () => ModelLoadConfig.fromJsonPath(url, quiet),
      besideConfig: () => own.readJson(remote(url), quiet),
      byRanges: () => own.readJson(remote(url), { ...quiet, remote: "ranges" }),
      checkpoint: async () => openCheckpoint(await openSource(url, quiet)),
      download: () => openRemote({ url, filename: "f" }, quiet),
    };
    const found: Record<string, string> = {};
    for (const [way, open] of Object.entries(ways).filter(([name]) => !left.includes(name))) {
      const error: unknown = await open().then(
        () => undefined,
        (one: unknown) => one,
      );
      expect(error, way).toBeInstanceOf(FileError);
      found[way] = (error as Error).message.replace(`${url}: `, "");
    }
    return found;
  }

  it("that sends without an end is stopped at the limit, and nothing is saved", async () => {
    // The limit for whole checkpoints is too large to test.
    const found = await failures(`${await start(endless)}/plain`, ["download", "checkpoint"]);
    expect(found.config).toBe("the response has more than 16777216 bytes; the limit for such a file is 16 MiB");
    expect(found.besideConfig).toMatch(/sent more than 16777216 bytes; the limit for such a file is 16 MiB/);
    expect(found.byRanges).toMatch(/sent more than 16777216 bytes; the limit for such a file is 16 MiB/);
  });

  it("whose few bytes unpack to gigabytes is stopped at the limit, in little memory", async () => {
    const before = process.memoryUsage().rss;
    const found = await failures(`${await start(endless)}/packed`);
    expect(found.config).toBe("the response has more than 16777216 bytes; the limit for such a file is 16 MiB");
    expect(found.besideConfig).toMatch(/sent more than 16777216 bytes/);
    expect(found.download).toMatch(/sent more than 67108864 bytes; the limit for such a file is 64 MiB/);
    expect(process.memoryUsage().rss - before).toBeLessThan(400 * 2 ** 20);
    expect(readdirSync(cacheFolder).filter((name) => name.endsWith(".part"))).toEqual([]);
  });

  it.each(["/still", "/drip"])("that stalls or is very slow is given up: %s", async (path) => {
    const found = await failures(`${await start(still)}${path}`, [], STALL);
    const problem = path === "/still" ? /nothing came from the server for 0\.2 s/ : /sent only \d+ bytes in \d+ s/;
    for (const way of ["config", "besideConfig", "download"]) expect(found[way]).toMatch(problem);
  });

  it("that does not answer at all is given up", async () => {
    const found = await failures(await start(() => undefined), [], STALL);
    for (const message of Object.values(found)) expect(message).toMatch(/nothing came from the server for 0\.2 s/);
  });

  it.each(["6000000000", "9000000000000000"])("that claims %s bytes is not believed", async (size) => {
    const found = await failures(`${await start(claiming)}/${size}`, ["config"]);
    expect(found.byRanges).toBe(`has ${size} bytes; the limit for such a file is 16 MiB`);
    expect(found.besideConfig).toBe(`has ${size} bytes; the limit for such a file is 16 MiB`);
  });

  it("that states a size beyond numbers is reported", async () => {
    const found = await failures(`${await start(claiming)}/${"9".repeat(400)}`, ["config"]);
    expect(found.byRanges).toMatch(
      /^the response's Content-Range is "bytes 0-\d+\/9+", which is not a range of a file$/,
    );
  });

  it("that announces more than is read is refused before it is read", async () => {
    const url = await start((_, response) => {
      response.writeHead(200, { "content-length": 2 ** 40 }).write("{");
    });
    const found = await failures(url);
    expect(found.config).toBe(`has ${2 ** 40} bytes; the limit for such a file is 16 MiB`);
    expect(found.download).toBe(`has ${2 ** 40} bytes; the limit for such a file is 256 GiB`);
  });

  it("that redirects without an end is reported, and not tried again", async () => {
    let asked = 0;
    const found = await failures(
      await start((request, response) => {
        asked++;
        looping(request, response);
      }),
    );
    for (const message of Object.values(found)) expect(message).toMatch(/the server redirects without an end/);
    expect(asked).toBeLessThan(150);
  });

  it("that compresses a config is read", async () => {
    const url = await start((_, response) => {
      response.writeHead(200, { "content-encoding": "gzip" });
      const gzip = createGzip();
      gzip.pipe(response);
      gzip.end("{}");
    });
    expect((await ModelLoadConfig.fromJsonPath(url)).data.devices).toBe("cuda:0");
  });
});
