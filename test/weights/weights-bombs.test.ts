import { describe, expect, it } from "vitest";
import { MemorySource } from "../../src/platform/source.js";
import { openCheckpoint } from "../../src/models/open-checkpoint.js";
import { convertCheckpoint } from "../../src/models/convert.js";
import { FormatError } from "../../src/weights/errors.js";
import { inspectCheckpoint } from "../../src/models/inspect.js";
import { collect } from "../support/collect.js";
import { f32Tensor, PickleText, scalar, torchLegacy, torchZip, type TestTree } from "../support/torch-file.js";

// Pickles of about a hundred bytes whose values share their parts: as text, copied or walked, they are endless.

/** A tuple of two equal tuples of two, and so on: 2^60 leaves in 130 bytes. */
const dag = (leaf = "Vaaaaaaaa\n", levels = 60) => `${leaf}${"2\x86".repeat(levels)}`;
/** The same for lists: each level contains the one below twice. */
const lists = (levels = 60) => `]Va\naq\x00${"0](h\x00h\x00eq\x00".repeat(levels)}`;
/** Dicts with shared values, with as many keys. */
const dicts = (levels = 60) => `}q\x00${"0}(Va\nh\x00Vb\nh\x00uq\x00".repeat(levels)}`;
const text = (value: string) => new PickleText(value);

const model = (rest: Record<string, TestTree>): TestTree => ({ model: { w: scalar(1) }, ...rest });
const version = (state: string) => text(`cpackaging.version\nVersion\n)R${state}b`);
const parts = (release: string) => `}V_version\ncpackaging.version\n_Version\n(I0\n${release}NNNNtRs`;

const refused: readonly (readonly [string, TestTree])[] = [
  ["as a key beside no model", text(`}${dag()}I1\ns`)],
  ["as all there is", text(dag())],
  ["as a key of the config", model({ config: text(`}${dag()}I1\ns`) })],
  ["as the config", model({ config: text(dicts()) })],
  ["as a list in the config", model({ config: { a: text(lists()) } })],
  ["as a tuple in the config", model({ config: { a: text(dag()) } })],
  [
    "as a long text, again and again in the config",
    model({ config: text(`}Va\n](V${"x".repeat(1e6)}\nq\x00${"h\x00".repeat(5000)}es`) }),
  ],
  ["as the release of a version", model({ version: version(parts(dag())) })],
  ["as the numbers of a version", model({ version: version(parts(`(${dag()}t`)) })],
  ["as the local part of a version", model({ version: version(`(I0\n(I1\ntNNN(${dag()}tt`) })],
  ["as the state of a version", model({ version: version(dag()) })],
];

/** The error of opening and describing a file, and its time in milliseconds. */
async function attempt(bytes: Uint8Array) {
  const start = performance.now();
  const use = async () => {
    const checkpoint = await openCheckpoint(new MemorySource(bytes, "x.pth"));
    JSON.stringify(await inspectCheckpoint(checkpoint));
    await collect(convertCheckpoint(checkpoint));
  };
  const error = await use().catch((reason: unknown) => reason);
  return { error, milliseconds: performance.now() - start };
}

// At most a second in practice; without the limits these files took forever.
const BOUND_MS = 10_000;

describe.each([
  ["zip", torchZip],
  ["legacy", torchLegacy],
] as const)("endless values in a %s file are an error at once", (_, write) => {
  it.each(refused)("%s", async (_, tree) => {
    const { error, milliseconds } = await attempt(write(tree));
    expect(error).toBeInstanceOf(FormatError);
    expect(String(error).length).toBeLessThan(1000);
    expect(milliseconds).toBeLessThan(BOUND_MS);
  });

  const harmless: readonly (readonly [string, string])[] = [
    ["as a key", `}${dag()}I1\ns`],
    ["as a value", lists()],
    ["as the arguments of a call", `clib\nThing\n${dag()}R`],
    ["as the state of an object", `clib\nThing\n)R${dicts()}b`],
    ["as a persistent id", `${dag()}Q`],
    ["as an item of a set", `\x8f(${dag()}\x90`],
    ["as the shape of an array", `cnumpy.core.multiarray\n_reconstruct\n(NNNtR(I1\n${dag()}NNNtb`],
    ["as a type of numpy", `cnumpy\ndtype\n(${dag()}tR`],
    ["as what a partial call is given", `cfunctools\npartial\n(clib\nf\n${dag()}tR)R`],
  ];
  it.each(harmless)("and beside the model, %s, no reason to refuse it", async (_, value) => {
    const { error, milliseconds } = await attempt(write(model({ other: text(value) })));
    expect(error).toBeUndefined();
    expect(milliseconds).toBeLessThan(BOUND_MS);
  });
});

describe("work that a file repeats is counted", () => {
  const list = `](${"N".repeat(20_000)}eq\x00`;
  const long = `V${"x".repeat(1e6)}\nq\x00`;
  const repeated: readonly (readonly [string, string])[] = [
    ["copies of a list", `${list}${"0cbuiltins\nlist\nh\x00\x85R".repeat(2000)}`],
    [
      "copies of a dict",
      `}(${Array.from({ length: 5000 }, (_, i) => `I${i}\nN`).join("")}uq\x00${"0cbuiltins\ndict\nh\x00\x85R".repeat(8000)}`,
    ],
    ["arguments", `${list}${"0cbuiltins\nset\nh\x00R".repeat(3000)}`],
    ["arguments with keywords", `${list}clib\nf\nq\x01${"0h\x01h\x00}\x92".repeat(5000)}`],
    ["bytes from a long text", `${long}${"0c_codecs\nencode\nh\x00Vlatin1\n\x86R".repeat(2000)}`],
    ["names of a long text", `${long}0${"h\x00h\x00\x93)R0".repeat(5000)}N`],
    ["attributes of attributes", `clib\nC\n${long}0q\x01${`0cbuiltins\ngetattr\nh\x01h\x00\x86Rq\x01`.repeat(2000)}`],
    [
      "calls that are handed on",
      "cfunctools\npartial\n(cfunctools\npartial\ntRq\x00".concat(
        "0cfunctools\npartial\n(h\x00h\x00h\x00tRq\x00".repeat(2000),
        ")R",
      ),
    ],
    [
      "subclasses of subclasses",
      `(q\x00ctorch._tensor\n_rebuild_from_type_v2\nNh\x00Ntq\x00`.concat(
        "ctorch._tensor\n_rebuild_from_type_v2\nh\x00R".repeat(100),
      ),
    ],
  ];
  it.each(repeated)("%s", async (_, pickle) => {
    const { error, milliseconds } = await attempt(torchZip(text(pickle)));
    expect(error).toBeInstanceOf(FormatError);
    expect(milliseconds).toBeLessThan(BOUND_MS);
  });

  it("and a storage's long name for each tensor", async () => {
    const id = `(Vstorage\nctorch\nFloatStorage\nV${"k".repeat(1e6)}\nVcpu\nI1\ntQq\x00`;
    const tensors = Array.from({ length: 3000 }, (_, i) => `Vw${i}\nh\x01(h\x00I0\n(t(tI00\nNtR`).join("");
    const file = torchZip(text(`${id}0ctorch._utils\n_rebuild_tensor_v2\nq\x010}(${tensors}u`));
    const { error, milliseconds } = await attempt(file);
    expect(error).toBeInstanceOf(FormatError);
    expect(milliseconds).toBeLessThan(BOUND_MS);
  });
});

describe("modules", () => {
  it("nested a hundred thousand deep are walked without recursion", async () => {
    const nest = "cm\nM\n)\x81}Vsub\n".repeat(100_000);
    const file = torchZip(text(`${nest}N${"sb".repeat(100_000)}`));
    const { error, milliseconds } = await attempt(file);
    expect(error).toBeInstanceOf(FormatError);
    expect(milliseconds).toBeLessThan(BOUND_MS);
  });
});

describe("names in a message", () => {
  it("are cut, and have no control characters", async () => {
    const name = Buffer.from(`\x1b]0;owned\x07\x9b31m\u202e${"long".repeat(1000)}`);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(name.length);
    const key = `X${Buffer.concat([length, name]).toString("latin1")}`;
    const { error } = await attempt(torchZip(text(`}${key}I1\ns`)));
    const message = String(error);
    expect(message).toMatch(/it has the keys \ufffd\]0;owned\ufffd/);
    expect(message.length).toBeLessThan(300);
    expect(message).not.toMatch(/[\p{Cc}\u202e]/u);
  });
});

it("long logs load: hundreds of thousands of dicts, millions of numbers", async () => {
  const log = Array.from({ length: 100_000 }, (_, i) => `}(h\x01I${i}\nh\x02F0.5\nu`).join("");
  const numbers = `${"K\x01".repeat(2_000_000)}${"G\x3f\xe0\x00\x00\x00\x00\x00\x00".repeat(100_000)}`;
  const keys = "Vstep\nq\x010Vloss\nq\x020";
  const { error } = await attempt(torchZip(model({ log: text(`${keys}](${log}e`), losses: text(`](${numbers}e`) })));
  expect(error).toBeUndefined();
}, 60_000);

describe("the model's own tensors in what is beside it", () => {
  const STORED = "(Vstorage\nctorch\nFloatStorage\nV0\nVcpu\nI1\ntQ";
  const TENSOR = `ctorch._utils\n_rebuild_tensor_v2\n(${STORED}I0\n(I1\nt(I1\ntI00\nNtRq\x00`;
  const withTensor = (rest: string) =>
    torchZip(text(`}(Vnet.causal_transformer.x\n${TENSOR}${rest}u`), undefined, [["m/data/0", new Uint8Array(4)]]);

  it("are found at every level of a deep list without a frame for each", async () => {
    const levels = 100_000;
    const { error, milliseconds } = await attempt(
      withTensor(`Vlog\n${"]".repeat(levels)}h\x00a${"ah\x00a".repeat(levels - 1)}`),
    );
    expect(error).toBeUndefined();
    expect(milliseconds).toBeLessThan(BOUND_MS);
  });

  it("are found in many objects that share their attributes, as far as the file's size allows", async () => {
    const others = Array.from({ length: 20_000 }, (_, i) => `Vn${i}\nN`).join("");
    const shared = `}(Vcausal_transformer.x\nh\x00${others}uq\x01`;
    const { error, milliseconds } = await attempt(
      withTensor(`Vshared\n${shared}Vlog\n](${"cm\nM\n)\x81h\x01b".repeat(20_000)}e`),
    );
    expect(error).toBeInstanceOf(FormatError);
    expect(milliseconds).toBeLessThan(BOUND_MS);
  });
});

it("what the tensors of a file take buys no work for its objects", async () => {
  const file = torchZip({
    model: { w: f32Tensor([30_000_000], new Float32Array(30_000_000)) },
    config: { a: text(lists()) },
  });
  const { error, milliseconds } = await attempt(file);
  expect(error).toBeInstanceOf(FormatError);
  expect(milliseconds).toBeLessThan(BOUND_MS);
});

describe("the memory of small values is counted", () => {
  it.each([
    ["bytes", "](", "C\x00"],
    ["storages", "(Vstorage\nctorch\nFloatStorage\nV0\nVcpu\nI1\ntq\x000](", "h\x00Q"],
  ])("%s", async (_, start, value) => {
    const { error } = await attempt(torchZip(text(`${start}${value.repeat(3_000_000)}e`)));
    expect(String(error)).toMatch(/its objects need too much memory/);
  });
});
