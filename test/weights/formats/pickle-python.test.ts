import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { toFloat32 } from "../../../src/weights/dtypes.js";
import { Budget } from "../../../src/weights/formats/budget.js";
import { OpaqueObject, PythonName } from "../../../src/weights/formats/pickle-values.js";
import { unpickle } from "../../../src/weights/formats/pickle.js";
import { storedTensor, torchPickle } from "../../../src/weights/formats/torch-archive.js";
import { TensorRef } from "../../../src/weights/formats/torch-objects.js";
import { versionText } from "../../../src/weights/formats/version.js";

// Values pickled by Python 3.11 with numpy 2.4 and packaging 26.2 (fixtures/pickles/make.py), by value and protocol.
const pickles = JSON.parse(
  readFileSync(new URL("../../fixtures/pickles/python.json", import.meta.url), "utf8"),
) as Record<string, string>;

function load(bytes: Buffer): unknown {
  return unpickle(bytes, torchPickle("x.pth", new Budget("x.pth", bytes.length)));
}

const written = (name: string) => load(Buffer.from(pickles[name]!, "base64"));

/** All values with that name, by protocol. */
const named = (name: string) =>
  Object.keys(pickles)
    .filter((key) => key.startsWith(`${name}/`))
    .map((key) => [key, written(key)] as const);

async function values(value: unknown): Promise<number[]> {
  expect(value).toBeInstanceOf(TensorRef);
  const nowhere = () => {
    throw new Error("the pickle holds the values");
  };
  const entry = storedTensor("w", value as TensorRef, { source: "x", isBigEndian: false, open: nowhere });
  return [...toFloat32(entry.dtype, await entry.read())];
}

describe("arrays of numpy", () => {
  const matrices: readonly (readonly [string, string, readonly number[]])[] = [
    ["numpy f4", "F32", [-2, -1, 0, 1, 2, 3]],
    ["numpy big-endian", "F32", [-2, -1, 0, 1, 2, 3]],
    ["numpy fortran", "F32", [-2, -1, 0, 1, 2, 3]],
    ["numpy f2", "F16", [-2, -1, 0, 1, 2, 3]],
    ["numpy f8", "F64", [-2, -1, 0, 1, 2, 3]],
    ["numpy bool", "BOOL", [0, 0, 0, 1, 1, 1]],
    ["numpy u2", "U16", [0, 1, 2, 3, 4, 5]],
  ];
  it.each(matrices)("%s", async (name, dtype, expected) => {
    const found = named(name);
    expect(found.length).toBeGreaterThan(1);
    for (const [key, value] of found) {
      expect([key, await values(value)]).toEqual([key, expected]);
      expect(value).toMatchObject({ dtype, shape: [2, 3] });
    }
  });

  it("of Python 2, whose bytes are text", async () => {
    const file =
      "\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01K\x02\x85" +
      "cnumpy\ndtype\nU\x02f4K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x08";
    // 1 and -2; then bytes that are UTF-8 by chance: é in each half.
    expect(await values(load(Buffer.from(`${file}\x00\x00\x80\x3f\x00\x00\x00\xc0tb.`, "latin1")))).toEqual([1, -2]);
    const [first] = await values(load(Buffer.from(`${file}\xc3\xa9\xc3\xa9\x00\x00\x00\x00tb.`, "latin1")));
    expect(first).toBe(new Float32Array(Uint8Array.of(0xc3, 0xa9, 0xc3, 0xa9).buffer)[0]);
  });

  it.each(["numpy text", "numpy objects", "numpy complex"])("%s are named, and not read", (name) => {
    for (const [, value] of named(name)) {
      expect(value).toMatchObject({ dtype: "unsupported" });
      expect((value as TensorRef).problem).toMatch(/numpy|complex64/);
    }
  });

  it("single numbers are numbers", () => {
    for (const [, value] of named("numpy scalars")) expect(value).toEqual([0.5, -7, true, 3]);
  });

  it("whose content is too short, or shared a million times, are harmless", () => {
    const array = "cnumpy._core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R";
    const dtype = "cnumpy\ndtype\nX\x02\x00\x00\x00f4\x89\x88\x87R";
    const short = load(Buffer.from(`\x80\x03${array}(K\x01K\x02\x85${dtype}\x89C\x02abtb.`, "latin1"));
    expect((short as TensorRef).problem).toMatch(/length of its shape/);
    const text = `X\x00\x00\x10\x00${"\x00".repeat(2 ** 20)}`;
    const bomb = `\x80\x02${array}(K\x01J\x00\x00\x04\x00\x85${dtype}\x89${text}tq\x01b${"h\x01b".repeat(100_000)}.`;
    expect(() => load(Buffer.from(bomb, "latin1"))).toThrow(/expand to far more|too much memory/);
  });
});

describe("versions", () => {
  const full = "1!1.14.2rc1.post3.dev4+abc.5";
  it.each([
    ["version 26.2", full],
    ["version 26.0", full],
    ["version 25", full],
    ["version of setuptools", full],
    // The version of torch itself, not of the model's library.
    ["version of torch", undefined],
  ])("%s, in every protocol", (name, expected) => {
    const found = named(name);
    expect(found.length).toBeGreaterThan(3);
    for (const [key, value] of found) expect([key, versionText(value, "x")]).toEqual([key, expected]);
  });

  const object = (state: unknown, name = "Version", args: readonly unknown[] = []) => {
    const value = new OpaqueObject(new PythonName("packaging.version", name), args);
    value.setState(state);
    return value;
  };

  it("in plain text, and in the words of other classes", () => {
    expect(versionText("1.6.5", "x")).toBe("1.6.5");
    expect(versionText(object(new Map([["_version", "dev-build"]]), "LegacyVersion"), "x")).toBe("dev-build");
    expect(versionText(object(new Map([["vstring", "0.9"]]), "LooseVersion"), "x")).toBe("0.9");
    expect(versionText(object([0, [1, 6, 5], null, null, null, null]), "x")).toBe("1.6.5");
    expect(
      versionText(
        object(
          new Map([
            ["_epoch", 0],
            ["_release", [2]],
          ] as [string, unknown][]),
        ),
        "x",
      ),
    ).toBe("2");
  });

  it("that are not versions are ignored", () => {
    for (const value of [undefined, null, 3, [1, 2], new Map(), object({}, "Trainer")])
      expect(versionText(value, "x")).toBeUndefined();
  });

  it("that cannot be read are an error: no other version may be silently assumed", () => {
    const cycle: unknown[] = [];
    cycle.push(cycle, cycle);
    const states = [undefined, [0, cycle, null, null, null, null], [0, ["1"], null, null, null, null], [1, 2, 3]];
    for (const state of states)
      expect(() => versionText(object(state), "x.pth")).toThrow(/x\.pth: its version cannot be read/);
    expect(() => versionText("1".repeat(1000), "x.pth")).toThrow(/its version cannot be read/);
  });
});

describe("Python's own values", () => {
  it("text with halves of surrogate pairs", () => {
    for (const [key, value] of named("text with surrogates"))
      expect([key, value]).toEqual([key, "caf\udce9 \u{1f600} \u20ac \\ \u00e9 \n"]);
  });

  it("bytes and bytearrays", () => {
    for (const [key, value] of named("bytes"))
      expect([key, value]).toEqual([key, Uint8Array.from([0, 255, 10, 39, 92])]);
    for (const [key, value] of named("bytearray")) expect([key, value]).toEqual([key, Uint8Array.from([0, 255])]);
  });

  it("integers of any length", () => {
    for (const [key, value] of named("large integers"))
      expect([key, value]).toEqual([key, [2n ** 64n, -(2n ** 64n), 2n ** 1000n, -1, 255, 256, -(2 ** 31)]]);
    const long = Buffer.concat([
      Buffer.from("\x8b\x00\x10\x00\x00", "latin1"),
      Buffer.alloc(4096, 1),
      Buffer.from("."),
    ]);
    expect(load(long)).toMatchObject({ type: { module: "builtins", name: "int" } });
    expect(load(Buffer.from(`L${"9".repeat(10_000)}L\n.`))).toMatchObject({
      type: { module: "builtins", name: "int" },
    });
  });

  it("names, also inside a class", () => {
    for (const [, value] of named("nested names"))
      expect((value as PythonName[]).map(String)).toEqual([
        "collections.OrderedDict",
        "collections.OrderedDict.fromkeys",
        "types.SimpleNamespace",
      ]);
  });

  it("strings of Python 2: quoted with escapes, UTF-8 or else Latin-1", () => {
    const text = "(dp0\nS'a'\np1\nS'b\\xe9'\np2\nsV\\u20ac\np3\nS'x\\x00\\'\"\\\\\\n'\np4\ns.";
    expect(load(Buffer.from(text))).toEqual(
      new Map([
        ["a", "b\u00e9"],
        ["\u20ac", "x\0'\"\\\n"],
      ]),
    );
    expect(load(Buffer.from("\x80\x02U\x02b\xe9.", "latin1"))).toBe("b\u00e9");
    expect(load(Buffer.from("\x80\x02T\x03\x00\x00\x00b\xc3\xa9.", "latin1"))).toBe("b\u00e9");
    expect(() => load(Buffer.from("Sabc\n."))).toThrow(/without quotes/);
  });

  it("text of protocol 0: Latin-1, with \\u and \\U", () => {
    expect(load(Buffer.from("V\xe9 \\u20ac \\U0001f600 \\n \\u00 \\\\u0041\n.", "latin1"))).toBe(
      "\u00e9 \u20ac \u{1f600} \\n \\u00 \\\\u0041",
    );
  });
});

describe("nesting in any depth", () => {
  const many = (text: string, count: number) => text.repeat(count);
  const DEPTH = 1_000_000;
  it.each([
    ["tuples", `)${many("\x85", DEPTH)}.`],
    ["lists", `${many("]", DEPTH)}${many("a", DEPTH - 1)}.`],
    ["objects", `)${many("q\x00cm\nC\nh\x00\x85R", DEPTH / 10)}.`],
    ["pairs that share their halves", `)${many("2\x86", DEPTH)}.`],
  ])("%s", (_, pickle) => {
    expect(typeof load(Buffer.from(pickle, "latin1"))).toBe("object");
  });
});
