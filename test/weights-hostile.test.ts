import { deflateRawSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { MemorySource } from "../src/platform/source.js";
import { openCheckpoint } from "../src/weights/checkpoint.js";
import { FormatError } from "../src/weights/errors.js";
import { PickleText, scalar, TestTensor, torchLegacy, torchZip, type TestTree } from "./support/torch-file.js";
import { zip } from "./support/zip.js";

// Checkpoints that look real and hold an attack. Single opcodes and fields are tried in pickle.test.ts, zip.test.ts,
// safetensors.test.ts and weights-legacy.test.ts.

const open = (bytes: Uint8Array) => openCheckpoint(new MemorySource(bytes, "x.pth"));

/** A sound model beside the attack: nothing but the attack is a reason to refuse it. */
const withModel = (text: string): TestTree => ({
  model: { "net.a": scalar(1) },
  version: "1.1.0",
  extra: new PickleText(text),
});

/** What opening rejects with, the milliseconds it took, and the growth of memory in bytes. */
async function attempt(bytes: Uint8Array) {
  const memory = () => process.memoryUsage().rss;
  const before = memory();
  const start = performance.now();
  const error: unknown = await open(bytes).catch((reason: unknown) => reason);
  return { error, milliseconds: performance.now() - start, bytes: memory() - before };
}

// Modules and compiled code that a first call brings along are no cost of the attack.
beforeAll(() => open(torchZip(withModel("N"))));

const huge = new TestTensor([2 ** 40], { dtype: "F32", bytes: new Uint8Array(16), elements: 2 ** 40 });

const attacks: readonly (readonly [string, TestTree, RegExp])[] = [
  ["os.system", withModel("cos\nsystem\n(Vtouch /tmp/ran\ntR"), /calls os\.system/],
  ["posix.system as an instance", withModel("(Vtouch /tmp/ran\niposix\nsystem\n"), /calls posix\.system/],
  ["builtins.eval", withModel("cbuiltins\neval\n(V1+1\ntR"), /calls builtins\.eval/],
  ["eval by its name in Python 2", withModel("c__builtin__\neval\n(V1+1\ntR"), /calls __builtin__\.eval/],
  ["exec, as an object", withModel("(cbuiltins\nexec\nV1\no"), /calls builtins\.exec/],
  ["subprocess.Popen, made by NEWOBJ", withModel("csubprocess\nPopen\n(Vid\nt\x81"), /calls subprocess\.Popen/],
  ["a pickle within", withModel("c_pickle\nloads\n(Vx\ntR"), /calls _pickle\.loads/],
  ["torch.load", withModel("ctorch.serialization\nload\n(Vx\ntR"), /calls torch\.serialization\.load/],
  [
    "a storage of 2^40 elements",
    { model: { a: huge }, version: "1.1.0" },
    /4398046511104 are claimed|storages end at byte 43980/,
  ],
];

describe.each([
  ["zip", torchZip],
  ["legacy", torchLegacy],
] as const)("a %s checkpoint with an attack is refused: fast, and in little memory", (_, write) => {
  it.each(attacks)("%s", async (_, tree, message) => {
    const { error, milliseconds, bytes } = await attempt(write(tree));
    expect(error).toBeInstanceOf(FormatError);
    expect(String(error)).toMatch(message);
    // Milliseconds and no memory to speak of in practice; the bounds leave room for a busy machine and the collector.
    expect(milliseconds).toBeLessThan(1000);
    expect(bytes).toBeLessThan(64 * 2 ** 20);
  });
});

it("a name is no call: classes that a pickle only mentions are no reason to refuse it", async () => {
  expect((await open(torchZip(withModel("cos\nsystem\n")))).tensors.size).toBe(1);
});

it("objects of trainers' libraries are no attack", async () => {
  const objects = [
    "cpackaging.version\nVersion\n)\x81",
    "cpytorch_warmup.base\nLinearWarmup\n)\x81",
    "cnumpy.core.multiarray\nscalar\n(I1\ntR",
    "cpathlib\nPosixPath\n(Vmodels\ntR",
    "cargparse\nNamespace\n)R",
    "cbuiltins\ngetattr\n(VEnum\nVa\ntR",
  ];
  for (const object of objects) expect((await open(torchZip(withModel(object)))).version).toBe("1.1.0");
});

describe("a zip bomb is refused: fast, and in little memory", () => {
  const MEGABYTE = 2 ** 20;
  /** An archive of one deflated entry whose directory claims another size. */
  function claiming(name: string, content: Uint8Array, size: number): Buffer {
    const archive = zip([[name, content]], { deflate: true });
    archive.writeUInt32LE(size, archive.lastIndexOf("PK\x01\x02", undefined, "latin1") + 24);
    return archive;
  }
  const zeros = new Uint8Array(16 * MEGABYTE);

  it.each<[string, Buffer, RegExp]>([
    ["a pickle of 65 MiB", claiming("m/data.pkl", zeros, 65 * MEGABYTE), /data\.pkl has 68157440 bytes; at most/],
    [
      "a pickle of 16 MiB in 300 bytes",
      claiming("m/data.pkl", new Uint8Array(300_000), 16 * MEGABYTE),
      /bytes cannot hold the 16777216/,
    ],
    ["a pickle that unpacks to more than it says", claiming("m/data.pkl", zeros, 1000), /compressed data is damaged/],
    [
      "a pickle that unpacks to nothing but zeros",
      zip([["m/data.pkl", zeros]], { deflate: true }),
      /unknown opcode 0x0/,
    ],
  ])("%s", async (_, archive, message) => {
    const { error, milliseconds, bytes } = await attempt(archive);
    expect(error).toBeInstanceOf(FormatError);
    expect(String(error)).toMatch(message);
    expect(milliseconds).toBeLessThan(2000);
    expect(bytes).toBeLessThan(128 * MEGABYTE);
  });

  it("many entries that share one body", async () => {
    const body = deflateRawSync(zeros);
    const archive = zip([
      ["m/data.pkl", Buffer.from("}.")],
      ["m/data/0", body],
      ["m/data/1", body],
    ]);
    const second = archive.lastIndexOf("PK\x01\x02", undefined, "latin1");
    const first = archive.lastIndexOf("PK\x01\x02", second - 1, "latin1");
    archive.copy(archive, second + 42, first + 42, first + 46);
    await expect(open(archive)).rejects.toThrow(/m\/data\/[01]: its bytes .* run into/);
  });
});
