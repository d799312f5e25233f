import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { KeyReport } from "../../src/cli/keys.js";
import { FileKeys } from "../../src/server/guard/keys.js";
import { DEFAULT_LIMITS } from "../../src/server/guard/limits.js";
import { dalle2 } from "../support/cli.js";

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "keys-cli-"));
  file = join(folder, "keys.json");
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

const keys = (...args: string[]) => dalle2(["keys", ...args], "", { DALLE2_KEYS: file });

describe("dalle2 keys", () => {
  it("creates a key that a server takes, and shows it once", async () => {
    const { status, stdout, stderr } = keys("create", "alice", "--images-per-hour", "7", "--metrics");
    expect(status, stderr).toBe(0);
    const token = stdout.trim();
    expect(token).toMatch(/^dalle2_[0-9a-f]{8}_[0-9a-f]{64}$/);
    const text = readFileSync(file, "utf8");
    expect(text).not.toContain(token.slice(16));
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const server = await FileKeys.open(file, { limits: DEFAULT_LIMITS, onWarning: () => undefined });
    expect(await server!.ownerOf(token)).toMatchObject({
      name: "alice",
      readsMetrics: true,
      limits: { imagesPerHour: 7 },
    });
    expect(keys("list").stdout).toMatch(
      /^alice\n {2}[0-9a-f]{8}, created \d{4}-\d\d-\d\d, may read metrics, imagesPerHour 7\n/,
    );
  });

  it("revokes keys by name or id, and lists them with what they were", () => {
    const { key } = JSON.parse(keys("create", "alice", "--json").stdout) as { readonly key: string };
    keys("create", "bob");
    expect(keys("revoke", "bob", key.slice(7, 15)).stdout).toMatch(/^revoked alice \([0-9a-f]{8}\)\nrevoked bob/);
    const { keys: list } = JSON.parse(keys("list", "--json").stdout) as { readonly keys: KeyReport[] };
    expect(list.map(({ name, isActive }) => [name, isActive])).toEqual([
      ["alice", false],
      ["bob", false],
    ]);
    expect(JSON.stringify(list)).not.toContain("sha256");
    // The name is free again.
    expect(keys("create", "bob").status).toBe(0);
  });

  it("says what is wrong, with status 2", () => {
    keys("create", "alice");
    const cases: readonly (readonly [string[], RegExp])[] = [
      [["create", "alice"], /There is a key named alice\. Revoke it first/],
      [["create", "a\u001b[2Jb"], /a name has up to 100 letters/],
      [["create", "bob", "--images-per-hour", "0"], /not a whole number of at least 1/],
      [["revoke", "bob"], /bob: no such key/],
    ];
    for (const [args, message] of cases) {
      const { status, stderr } = keys(...args);
      expect([args, status]).toEqual([args, 2]);
      expect(stderr).toMatch(message);
    }
  });
});
