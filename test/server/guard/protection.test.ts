import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  addGuardOptions,
  connectionLimits,
  protectionSettings,
  type GuardFlags,
} from "../../../src/cli/serving/guard-options.js";
import { byteCount } from "../../../src/cli/serving/limit-options.js";
import { changeKeys } from "../../../src/server/guard/keys-file.js";
import { CONNECTION_LIMITS } from "../../../src/server/guard/http-server.js";
import { hashOfToken, newToken } from "../../../src/server/guard/tokens.js";
import { openProtection } from "../../../src/server/protection.js";
import { guardedApp } from "../support/guarded-app.js";
import type { JobRunner } from "../../../src/server/jobs/job-runner.js";

const runner: JobRunner = {
  models: () => Promise.resolve([]),
  describe: () => Promise.reject(new Error("none")),
  run: () => Promise.resolve([]),
  status: () => Promise.resolve({ isReady: true, waitingJobs: 0, runningJobs: 0, devices: [] }),
  close: () => Promise.resolve(),
};

let folder: string;
let keysFile: string;
const { id, token } = newToken();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "dalle2-protection-"));
  keysFile = join(folder, "keys.json");
  const created = new Date().toISOString();
  await changeKeys(keysFile, () => [{ id, name: "alice", sha256: hashOfToken(token), created }]);
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

function flagsOf(args: readonly string[]): GuardFlags {
  const command = addGuardOptions(new Command("serve"))
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
  return command.parse(args, { from: "user" }).opts<GuardFlags>();
}

async function open(host: string, ...args: readonly string[]) {
  const settings = { ...protectionSettings(flagsOf(args), host), logLevel: "silent" } as const;
  const { guard, results } = await openProtection(settings, runner);
  results.close();
  const app = guardedApp(guard, (routes) => routes.get("/", (c) => c.json(c.get("owner"))));
  return {
    ask: (headers: Record<string, string> = {}) => app.request("/", { headers: { host: "localhost", ...headers } }),
  };
}

describe("a server without keys", () => {
  const none = () => ["--keys", join(folder, "none.json")];

  it("is for this machine alone", async () => {
    const settings = (host: string) => ({
      ...protectionSettings(flagsOf([]), host),
      keysFile: join(folder, "none.json"),
      logLevel: "silent" as const,
    });
    (await openProtection(settings("127.0.0.1"), runner)).results.close();
    for (const host of ["0.0.0.0", "::", "192.168.0.5", "images.example.com"]) {
      await expect(openProtection(settings(host), runner)).rejects.toMatchObject({
        code: "server/settings",
        message: expect.stringMatching(
          /anyone could use it.*dalle2 keys create NAME; or bind to 127\.0\.0\.1/,
        ) as string,
      });
    }
  });

  it("is not started if keys were asked for", async () => {
    await expect(open("127.0.0.1", ...none())).rejects.toThrow(/no file of keys.*dalle2 keys create/);
  });

  it("is not started with a file whose keys are all revoked", async () => {
    const file = join(folder, "revoked.json");
    const created = new Date().toISOString();
    const bob = { id: newToken().id, name: "bob", sha256: "0".repeat(64), created, revoked: created };
    await changeKeys(file, () => [bob]);
    await expect(open("127.0.0.1", "--keys", file)).rejects.toThrow(/no key that is not revoked/);
  });
});

describe("a server with keys", () => {
  it("may be for all machines, and takes limits from its flags", async () => {
    const { ask } = await open("0.0.0.0", "--keys", keysFile, "--images-per-hour", "7");
    expect((await ask()).status).toBe(401);
    const answer = await ask({ authorization: `Bearer ${token}` });
    expect(await answer.json()).toMatchObject({ id, limits: { imagesPerHour: 7, requestsPerMinute: 60 } });
  });

  it("may open to pages of all origins", async () => {
    const { ask } = await open("127.0.0.1", "--keys", keysFile, "--allowed-origin", "*");
    const answer = await ask({ authorization: `Bearer ${token}`, origin: "https://a.example" });
    expect(answer.headers.get("access-control-allow-origin")).toBe("https://a.example");
  });
});

describe("settings that are not safe or not possible are refused", () => {
  it.each([
    [["--allowed-origin", "example.com"], /is not an origin/],
    [["--allowed-origin", "https://example.com/page"], /is not an origin/],
    [["--allowed-host", "https://example.com"], /not the name of a host/],
    [["--allowed-host", "example.com:8000"], /not the name of a host/],
    [["--results", "s3://"], /is not a bucket/],
  ])("%j", async (args, message) => {
    await expect(open("127.0.0.1", "--keys", keysFile, ...args)).rejects.toThrow(message);
  });

  it("pages of all origins without keys", async () => {
    const settings = {
      ...protectionSettings(flagsOf(["--allowed-origin", "*"]), "127.0.0.1"),
      keysFile: join(folder, "none.json"),
    };
    await expect(openProtection(settings, runner)).rejects.toThrow(/name the origins/);
  });

  it("a short secret for URLs", async () => {
    const file = join(folder, "secret");
    writeFileSync(file, "short\n");
    await expect(open("127.0.0.1", "--keys", keysFile, "--url-secret-file", file)).rejects.toThrow(
      /at least 32 characters/,
    );
    writeFileSync(file, `${"s".repeat(32)}\n`);
    await open("127.0.0.1", "--keys", keysFile, "--url-secret-file", file);
  });
});

describe("the flags", () => {
  it("have the defaults of the server", () => {
    expect(connectionLimits(flagsOf([]))).toEqual(CONNECTION_LIMITS);
    expect(protectionSettings(flagsOf([]), "127.0.0.1")).toMatchObject({
      needsKeys: false,
      maxBodyBytes: 32 * 2 ** 20,
      maxBodyBytesAtOnce: 256 * 2 ** 20,
      maxPixels: 2 ** 24,
      allowedHosts: [],
      allowedOrigins: [],
      results: { location: "memory", minutes: 60 },
      logLevel: "info",
      logPrompts: false,
    });
  });

  it("can be repeated where they are lists, and are read with units", () => {
    const args = [
      "--allowed-host",
      "a.example",
      "--allowed-host",
      "b.example",
      "--max-body",
      "20MB",
      "--stalled-seconds",
      "5",
    ];
    const flags = flagsOf(args);
    expect(protectionSettings(flags, "::1")).toMatchObject({
      allowedHosts: ["a.example", "b.example"],
      maxBodyBytes: 20e6,
    });
    expect(connectionLimits(flags).stalledMs).toBe(5000);
  });

  it.each([
    ["500000", 500_000],
    ["20MB", 20e6],
    ["16MiB", 16 * 2 ** 20],
    ["1.5 kB", 1500],
    ["2GiB", 2 ** 31],
  ])("read %s as bytes", (text, bytes) => {
    expect(byteCount(text)).toBe(bytes);
  });

  it.each(["", "0", "-1", "1e9", "MB", "10 TB", "9999999999GB"])("take no other text as bytes: %j", (text) => {
    expect(() => byteCount(text)).toThrow(/not a number of bytes/);
  });
});
