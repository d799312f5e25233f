import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { hideSecrets } from "../../../src/platform/secrets.js";
import { FileKeys } from "../../../src/server/guard/keys.js";
import { changeKeys, defaultKeysFile, readKeys, type StoredKey } from "../../../src/server/guard/keys-file.js";
import { DEFAULT_LIMITS } from "../../../src/server/guard/limits.js";
import { hashOfToken, idOfToken, matchesHash, newToken } from "../../../src/server/guard/tokens.js";

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "dalle2-keys-"));
  file = join(folder, "config", "keys.json");
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

function keyOf(name: string, others: Partial<StoredKey> = {}): { readonly token: string; readonly key: StoredKey } {
  const { id, token } = newToken();
  return { token, key: { id, name, sha256: hashOfToken(token), created: new Date().toISOString(), ...others } };
}

const add = (...keys: readonly StoredKey[]) => changeKeys(file, (before) => [...before, ...keys]);

describe("a token", () => {
  it("has its id in it, and a secret of 256 bits that never comes twice", () => {
    const tokens = Array.from({ length: 100 }, newToken);
    for (const { id, token } of tokens) expect([idOfToken(token), token.length]).toEqual([id, 7 + 8 + 1 + 64]);
    expect(new Set(tokens.map(({ token }) => token.slice(16))).size).toBe(100);
  });

  it("matches its own hash alone", () => {
    const [one, other] = [newToken(), newToken()];
    expect(matchesHash(one.token, hashOfToken(one.token))).toBe(true);
    expect(matchesHash(one.token, hashOfToken(other.token))).toBe(false);
  });

  it("is hidden in messages, but for its id", () => {
    const { id, token } = newToken();
    expect(hideSecrets(`key ${token}, sent`)).toBe(`key dalle2_${id}_…, sent`);
    expect(hideSecrets(`Authorization: Bearer ${token}`)).not.toContain(token.slice(16));
  });

  it.each(["", "dalle2_", "sk-abc", "dalle2_0000000g_" + "0".repeat(64), "dalle2_00000000_" + "0".repeat(63)])(
    "has one form: %s is none",
    (text) => {
      expect(idOfToken(text)).toBeUndefined();
    },
  );
});

describe("the file of keys", () => {
  it("has no token, is readable by its user alone, and leaves nothing beside it", async () => {
    const { key, token } = keyOf("alice");
    await add(key);
    expect(readFileSync(file, "utf8")).not.toContain(token.slice(16));
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(folder, "config"))).toEqual(["keys.json"]);
    expect(await readKeys(file)).toEqual([key]);
  });

  it("loses no key if several processes change it at once", async () => {
    const keys = Array.from({ length: 20 }, (_, i) => keyOf(`key ${i}`).key);
    await Promise.all(keys.map((key) => add(key)));
    const names = (await readKeys(file))!.map(({ name }) => name);
    expect(names.sort()).toEqual(keys.map(({ name }) => name).sort());
  });

  it("is changed although a process was killed while it changed it", async () => {
    await add(keyOf("alice").key);
    writeFileSync(`${file}.lock`, "");
    const minuteAgo = Date.now() / 1000 - 60;
    utimesSync(`${file}.lock`, minuteAgo, minuteAgo);
    await add(keyOf("bob").key);
    expect(await readKeys(file)).toHaveLength(2);
  });

  it.each([
    ["not JSON", "{"],
    ["of another form", '{"version":1,"keys":[{"id":"x"}]}'],
    ["of a later version", '{"version":2,"keys":[]}'],
  ])("is refused if it is %s", async (_, text) => {
    await add();
    writeFileSync(file, text);
    await expect(readKeys(file)).rejects.toThrow(/is not a file of keys/);
    await expect(add(keyOf("alice").key)).rejects.toThrow(/is not a file of keys/);
    expect(readFileSync(file, "utf8")).toBe(text);
  });

  it("is undefined where there is none", async () => {
    expect(await readKeys(file)).toBeUndefined();
  });

  it("lies where the environment says", () => {
    expect(defaultKeysFile({ DALLE2_KEYS: "/etc/k.json" })).toBe("/etc/k.json");
    expect(defaultKeysFile({ XDG_CONFIG_HOME: "/home/a/conf" })).toBe(join("/home/a/conf", "dalle2", "keys.json"));
  });
});

describe("keys of a server", () => {
  let now = 0;
  let warnings: string[];
  const open = async () =>
    (await FileKeys.open(file, {
      limits: DEFAULT_LIMITS,
      now: () => now,
      onWarning: (message) => warnings.push(message),
    }))!;

  beforeEach(() => {
    now = 0;
    warnings = [];
  });

  it("know who has a token, with the limits of the key before those of the server", async () => {
    const { key, token } = keyOf("alice", { limits: { imagesPerHour: 7 }, readsMetrics: true });
    await add(key, keyOf("bob").key);
    const keys = await open();
    expect(await keys.ownerOf(token)).toEqual({
      id: key.id,
      name: "alice",
      limits: { ...DEFAULT_LIMITS, imagesPerHour: 7 },
      readsMetrics: true,
    });
    expect(await keys.ownerOf(keyOf("nobody").token)).toBeUndefined();
    // The id of a key with the secret of another.
    expect(await keys.ownerOf(`dalle2_${key.id}_${keyOf("nobody").token.slice(16)}`)).toBeUndefined();
  });

  it("change with the file, within a second", async () => {
    const [alice, bob] = [keyOf("alice"), keyOf("bob")];
    await add(alice.key);
    const keys = await open();
    await changeKeys(file, () => [{ ...alice.key, revoked: new Date().toISOString() }, bob.key]);
    now = 999;
    expect(await keys.ownerOf(alice.token)).toBeDefined();
    now = 1000;
    expect(await Promise.all([alice.token, bob.token].map((token) => keys.ownerOf(token)))).toEqual([
      undefined,
      expect.objectContaining({ name: "bob" }),
    ]);
    expect(warnings).toEqual(["read the keys again: 1 key"]);
  });

  it("are none if the file is removed: the server does not open to all", async () => {
    const { key, token } = keyOf("alice");
    await add(key);
    const keys = await open();
    rmSync(file);
    now = 1000;
    expect(await keys.ownerOf(token)).toBeUndefined();
  });

  it("stay if the file is damaged, which is said once", async () => {
    const { key, token } = keyOf("alice");
    await add(key);
    const keys = await open();
    writeFileSync(file, "{");
    for (now of [1000, 2000, 3000]) expect(await keys.ownerOf(token)).toBeDefined();
    expect(warnings).toEqual([expect.stringMatching(/count on.*is not a file of keys/)]);
    await changeKeys(`${file}2`, () => [keyOf("bob").key]);
    writeFileSync(file, readFileSync(`${file}2`));
    now = 4000;
    expect(await keys.ownerOf(token)).toBeUndefined();
  });
});
