import { describe, expect, it } from "vitest";
import { FormatError } from "../../../src/weights/errors.js";
import { OpaqueObject, PythonName } from "../../../src/weights/formats/pickle-values.js";
import { Budget } from "../../../src/weights/formats/budget.js";
import { unpickle } from "../../../src/weights/formats/pickle.js";

const ignoreNames = { construct: () => undefined, persistentLoad: (id: unknown) => ({ id }) };

/** A pickle from its opcodes as Latin-1 text, as in Python's own tests. */
function load(pickle: string): unknown {
  const bytes = Buffer.from(pickle, "latin1");
  return unpickle(bytes, { source: "x.pkl", budget: new Budget("x.pkl", bytes.length), ...ignoreNames });
}

describe("values", () => {
  // Written by CPython 3.11: pickle.dumps(value, protocol=p).decode("latin1").
  const cases: readonly (readonly [string, string, unknown])[] = [
    ["None, protocol 0", "N.", null],
    ["True, protocol 0", "I01\n.", true],
    ["False, protocol 2", "\x80\x02\x89.", false],
    ["-5, protocol 0", "I-5\n.", -5],
    ["200, protocol 2", "\x80\x02K\xc8.", 200],
    ["60000, protocol 2", "\x80\x02M\x60\xea.", 60000],
    ["-70000, protocol 2", "\x80\x02J\x90\xee\xfe\xff.", -70000],
    ["2 ** 40, protocol 2", "\x80\x02\x8a\x06\x00\x00\x00\x00\x00\x01.", 2 ** 40],
    ["2 ** 64, protocol 2", "\x80\x02\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01.", 2n ** 64n],
    ["2 ** 64, protocol 0", "L18446744073709551616L\n.", 2n ** 64n],
    ["-1, of length 0 and 1", "(\x8a\x00\x8a\x01\xfft.", [0, -1]],
    ["0.5, protocol 0", "F0.5\n.", 0.5],
    ["-0.5, protocol 2", "\x80\x02G\xbf\xe0\x00\x00\x00\x00\x00\x00.", -0.5],
    ["inf, protocol 0", "Finf\n.", Infinity],
    ["'é', protocol 2", "\x80\x02X\x02\x00\x00\x00\xc3\xa9q\x00.", "é"],
    ["'é', protocol 4", "\x80\x04\x95\x06\x00\x00\x00\x00\x00\x00\x00\x8c\x02\xc3\xa9\x94.", "é"],
    ["'€', protocol 0", "V\\u20ac\np0\n.", "€"],
    ["b'ab', protocol 4", "\x80\x04C\x02ab\x94.", new Uint8Array([97, 98])],
    ["(), protocol 2", "\x80\x02).", []],
    ["(1, 2, 3), protocol 2", "\x80\x02K\x01K\x02K\x03\x87q\x00.", [1, 2, 3]],
    ["(1, 2, 3, 4), protocol 0", "(I1\nI2\nI3\nI4\ntp0\n.", [1, 2, 3, 4]],
    ["[1, 2], protocol 2", "\x80\x02]q\x00(K\x01K\x02e.", [1, 2]],
    ["[1], protocol 0", "(lp0\nI1\na.", [1]],
    ["{'a': 1}, protocol 0", "(dp0\nVa\np1\nI1\ns.", new Map([["a", 1]])],
    [
      "{1: 2, 3: 4}, protocol 2",
      "\x80\x02}q\x00(K\x01K\x02K\x03K\x04u.",
      new Map([
        [1, 2],
        [3, 4],
      ]),
    ],
    ["{1, 2}, protocol 4", "\x80\x04\x8f\x94(K\x01K\x02\x90.", new Set([1, 2])],
    ["{1, 2}, protocol 2", "\x80\x02c__builtin__\nset\nq\x00]q\x01(K\x01K\x02e\x85q\x02Rq\x03.", new Set([1, 2])],
    ["frozenset({1}), protocol 4", "\x80\x04(K\x01\x91\x94.", new Set([1])],
    [
      "OrderedDict(a=1), protocol 2",
      "\x80\x02ccollections\nOrderedDict\nq\x00)Rq\x01X\x01\x00\x00\x00aq\x02K\x01s.",
      new Map([["a", 1]]),
    ],
    [
      "OrderedDict(a=1), protocol 4",
      "\x80\x04\x8c\x0bcollections\x94\x8c\x0bOrderedDict\x94\x93\x94)R\x94\x8c\x01a\x94K\x01s.",
      new Map([["a", 1]]),
    ],
    ["a persistent id", "\x80\x02K\x07Q.", { id: 7 }],
  ];
  it.each(cases)("%s", (_, pickle, expected) => {
    expect(load(pickle)).toEqual(expected);
  });

  it("keeps identity: what was memoized once is one object", () => {
    const [a, b] = load("\x80\x02]q\x00h\x00\x86.") as [unknown, unknown];
    expect(a).toBe(b);
    const [protocol0, alias] = load("(lp1\ng1\n\x86.") as [unknown, unknown];
    expect(protocol0).toBe(alias);
  });

  it("reads a list that contains itself", () => {
    const list = load("\x80\x02]q\x00h\x00a.") as unknown[];
    expect(list[0]).toBe(list);
  });
});

describe("objects of other classes", () => {
  it("are recorded: type, arguments, state and items", () => {
    // class C(list), made by C.__new__(C, 1), with state {'s': 2} and items [3].
    const object = load("\x80\x02cm\nC\nK\x01\x85\x81}X\x01\x00\x00\x00sK\x02sbK\x03a.") as OpaqueObject;
    expect(object).toBeInstanceOf(OpaqueObject);
    expect(object.type).toEqual(new PythonName("m", "C"));
    expect(object.args).toEqual([1]);
    expect(object.state).toEqual(new Map([["s", 2]]));
    expect(object.items).toEqual([3]);
  });

  it("run nothing, however they are called", () => {
    const marker = "touch /tmp/dalle2-pickle-ran";
    const calls = {
      "os.system": `cos\nsystem\n(V${marker}\ntR.`,
      "posix.system": `(V${marker}\niposix\nsystem\n.`,
      "builtins.eval": `\x80\x02cbuiltins\neval\nX\x04\x00\x00\x001+1 \x85R.`,
      "builtins.exec": `(cbuiltins\nexec\nV${marker}\no.`,
      "subprocess.Popen": "\x80\x04\x8c\x0asubprocess\x8c\x05Popen\x93\x8c\x02id\x85\x81.",
    };
    for (const [type, pickle] of Object.entries(calls)) {
      const object = load(pickle) as OpaqueObject;
      expect(object).toBeInstanceOf(OpaqueObject);
      expect(object.type.toString()).toBe(type);
      expect(object.args).toHaveLength(1);
    }
  });

  it("stay opaque when they are called in turn", () => {
    // getattr('os', 'system')('id')
    const object = load("cbuiltins\ngetattr\n(Vos\nVsystem\ntR(Vid\ntR.") as OpaqueObject;
    expect([object.type.toString(), object.args]).toEqual(["builtins.getattr()", ["id"]]);
  });

  it("may have names that JavaScript finds special", () => {
    const object = load("cconstructor\n__proto__\n)R}(V__proto__\nI1\nub.") as OpaqueObject;
    expect(object.state).toEqual(new Map([["__proto__", 1]]));
  });
});

describe("hostile and damaged pickles are refused", () => {
  const many = (text: string, count: number) => text.repeat(count);
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ["nothing", "", /ends inside/],
    ["no end", "N", /ends inside/],
    ["an empty stack", ".", /too few values/],
    ["a pop below a mark", "N(0a.", /too few values|no mark/],
    ["a tuple without mark", "Nt.", /no mark/],
    ["an unknown opcode", "\xff.", /unknown opcode 0xff/],
    ["the extension registry", "\x82\x01.", /extension registry \(opcode 0x82\)/],
    ["a buffer outside of the file", "\x97.", /protocol 5 buffer .* \(opcode 0x97\)/],
    ["a later protocol", "\x80\x06N.", /protocol 6/],
    ["an unset memo", "h\x01.", /memo entry 1 was never set/],
    ["a text that is cut", "X\x10\x00\x00\x00abc.", /ends inside an argument of 16 bytes/],
    ["a text of 4 GiB", "X\xff\xff\xff\xffabc.", /ends inside an argument of 4294967295/],
    ["a byte string of 4 GiB", "T\xff\xff\xff\xffabc.", /ends inside an argument of -1/],
    ["bytes of 2^63", "\x8e\x00\x00\x00\x00\x00\x00\x00\x80.", /length of 9223372036854775808/],
    ["an integer of 2 GiB", "\x8b\xff\xff\xff\x7f.", /ends inside an argument of 2147483647 bytes/],
    ["an integer of negative length", "\x8b\xff\xff\xff\xff.", /an integer of -1 bytes/],
    ["a text that is no UTF-8", "X\x01\x00\x00\x00\xff.", /not UTF-8/],
    ["an integer in words", "Iseven\n.", /expected an integer, got the text seven/],
    ["a key without value", "}(K\x01u.", /a key without a value/],
    ["items in a number", "K\x01K\x02a.", /not a list or set/],
    ["keys in a list", "]K\x01K\x02s.", /not a dict/],
    ["state for a number", "K\x01}b.", /not an object/],
    ["a call of a number", "K\x01)R.", /neither a class nor a function/],
    ["a call without arguments", "cm\nC\nK\x01R.", /arguments are not a tuple/],
    ["a name that is a number", "K\x01K\x02\x93.", /not a string/],
    ["a memo bomb: one list copied into many sets", bomb(3000), /expand to far more/],
    ["a million dicts in as many bytes", many("}", 2_000_000), /too much memory/],
  ];
  it.each(cases)("%s", (_, pickle, message) => {
    let error: unknown;
    try {
      load(pickle);
    } catch (reason) {
      error = reason;
    }
    expect(error).toBeInstanceOf(FormatError);
    expect(String(error)).toMatch(message);
  });

  it("but lists that double by reference cost nothing", () => {
    // x = [x, x], 200 times: 2^200 leaves, 200 lists.
    const doubled = `]${many("q\x00]q\x01(h\x00h\x00e", 200)}.`;
    expect(load(doubled)).toHaveLength(2);
  });
});

/** A list of five thousand items, converted to a set `count` times. */
function bomb(count: number): string {
  return `](${"N".repeat(5000)}eq\x00(${"cbuiltins\nset\nh\x00\x85R".repeat(count)}t.`;
}
