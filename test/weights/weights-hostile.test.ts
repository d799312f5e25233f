import { deflateRawSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { MemorySource } from "../../src/platform/source.js";
import { openCheckpoint } from "../../src/models/open-checkpoint.js";
import { detectDialect } from "../../src/models/dalle2-pytorch/dialect/detect-dialect.js";
import { inferDecoder } from "../../src/models/dalle2-pytorch/inference/infer-decoder.js";
import { inferPrior } from "../../src/models/dalle2-pytorch/inference/infer-prior.js";
import { FormatError } from "../../src/weights/errors.js";
import { PickleText, scalar, TestTensor, torchLegacy, torchZip, type TestTree } from "../support/torch-file.js";
import { zip } from "../support/zip.js";

// Checkpoints that look real and contain an attack. Single opcodes and fields are tested in pickle.test.ts, zip.test.ts,
// safetensors.test.ts and weights-legacy.test.ts.

const open = (bytes: Uint8Array) => openCheckpoint(new MemorySource(bytes, "x.pth"));

/** A valid model beside the attack, so that only the attack is a reason to refuse the file. */
const withModel = (text: string): TestTree => ({
  model: { "net.a": scalar(1) },
  version: "1.1.0",
  extra: new PickleText(text),
});

/** The error of opening, its time in milliseconds, and the growth of memory in bytes. */
async function attempt(bytes: Uint8Array) {
  const memory = () => process.memoryUsage().rss;
  const before = memory();
  const start = performance.now();
  const error: unknown = await open(bytes).catch((reason: unknown) => reason);
  return { error, milliseconds: performance.now() - start, bytes: memory() - before };
}

// Modules and compiled code that a first call loads are not a cost of the attack.
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
  ["nt.system", withModel("cnt\nsystem\n(Vx\ntR"), /calls nt\.system/],
  ["os.execvp", withModel("cos\nexecvp\n(Vx\ntR"), /calls os\.execvp/],
  ["runpy", withModel("crunpy\n_run_code\n(Vx\ntR"), /calls runpy\._run_code/],
  ["pty.spawn", withModel("cpty\nspawn\n(Vx\ntR"), /calls pty\.spawn/],
  ["a library of C", withModel("cctypes\nCDLL\n(Vlibc.so.6\ntR"), /calls ctypes\.CDLL/],
  ["an import", withModel("cimportlib\nimport_module\n(Vos\ntR"), /calls importlib\.import_module/],
  ["Python code, measured", withModel("ctimeit\ntimeit\n(V1\ntR"), /calls timeit\.timeit/],
  ["a deleted folder", withModel("cshutil\nrmtree\n(V/\ntR"), /calls shutil\.rmtree/],
  ["a file written", withModel("cbuiltins\nopen\n(Vx\nVw\ntR"), /calls builtins\.open/],
  ["a request", withModel("curllib.request\nurlopen\n(Vx\ntR"), /calls urllib\.request\.urlopen/],
  [
    "os.system through another module",
    withModel("\x8c\x09posixpath\x8c\x09os.system\x93(Vx\ntR"),
    /calls posixpath\.os\.system/,
  ],
  [
    "os.system as an attribute",
    withModel("cbuiltins\ngetattr\n(cposixpath\nos\nVsystem\ntR(Vx\ntR"),
    /calls posixpath\.os\.system/,
  ],
  [
    "os.system, called by map",
    withModel("cbuiltins\nlist\n(cbuiltins\nmap\n(cos\nsystem\n](Vx\netRtR"),
    /calls os\.system/,
  ],
  [
    "os.system, called by torch",
    withModel("ctorch._tensor\n_rebuild_from_type_v2\n(cos\nsystem\nctorch\nTensor\n(Vx\nt}tR"),
    /calls os\.system/,
  ],
  ["os.system in a partial call", withModel("cfunctools\npartial\n(cos\nsystem\nVx\ntR)R"), /calls os\.system/],
  ["os.system by copyreg", withModel("ccopyreg\n__newobj__\n(cos\nsystem\nVx\ntR"), /calls os\.system/],
  ["a function that the file brings", withModel("ctypes\nFunctionType\n(NtR)R"), /calls types\.FunctionType\(\)/],
  [
    "a storage of 2^40 elements",
    { model: { a: huge }, version: "1.1.0" },
    /expected 4398046511104|storages end at byte 43980/,
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
    // Milliseconds and hardly any memory in practice; the limits leave room for a busy machine and the garbage collector.
    expect(milliseconds).toBeLessThan(1000);
    expect(bytes).toBeLessThan(64 * 2 ** 20);
  });
});

it("a name is not a call: a pickle may name any class", async () => {
  expect((await open(torchZip(withModel("cos\nsystem\n")))).tensors.size).toBe(1);
});

it("objects of trainers' libraries are not attacks", async () => {
  const objects = [
    "cpackaging.version\nVersion\n)\x81",
    "cpytorch_warmup.base\nLinearWarmup\n)\x81",
    "cnumpy.core.multiarray\nscalar\n(I1\ntR",
    "cpathlib\nPosixPath\n(Vmodels\ntR",
    "cargparse\nNamespace\n)R",
    "cbuiltins\ngetattr\n(VEnum\nVa\ntR",
    // Classes and packages whose modules also have dangerous functions, or have similar names.
    "cplatform\nuname_result\n(VLinux\ntR",
    "ccode.config\nTrainConfig\n)\x81",
    "ccode\nTrainConfig\n)\x81",
    "cos\nstat_result\n(I1\ntR",
    "cos\nterminal_size\n((I80\nI24\nttR",
    "csocket\nAddressFamily\n(I2\ntR",
    "csubprocess\nCompletedProcess\n)\x81",
    "chttp\nHTTPStatus\n(I200\ntR",
    "curllib.parse\nParseResult\n(Vhttps\ntR",
    "crequests.structures\nCaseInsensitiveDict\n)\x81",
    "cimportlib.metadata\nPackagePath\n(Va\ntR",
    "csys\nversion_info\n(I3\ntR",
    "cshutil\n_ntuple_diskusage\n(I3\ntR",
    "cctypes\nc_int\n(I3\ntR",
    "casyncio\nQueue\n)\x81",
    "cpickle\nPickleBuffer\n)\x81",
    "cutils.os\nSettings\n)\x81",
    "cmarshal_lib\nloads\n(Vx\ntR",
    "cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nmemmap\n(I0\ntC\x01btR",
    "cfunctools\npartial\n(ctorch\nload\ntR",
    "ccopy_reg\n_reconstructor\n(clib\nThing\nc__builtin__\nobject\nNtR",
    "cdill._dill\n_create_function\n(NtR",
    "ctypes\nSimpleNamespace\n)R",
  ];
  for (const object of objects) expect((await open(torchZip(withModel(object)))).version).toBe("1.1.0");
});

describe("a zip bomb is refused: fast, and in little memory", () => {
  const MEGABYTE = 2 ** 20;
  /** An archive with one compressed entry whose directory states another size. */
  function claiming(name: string, content: Uint8Array, size: number): Buffer {
    const archive = zip([[name, content]], { deflate: true });
    archive.writeUInt32LE(size, archive.lastIndexOf("PK\x01\x02", undefined, "latin1") + 24);
    return archive;
  }
  const zeros = new Uint8Array(16 * MEGABYTE);

  it.each<[string, Buffer, RegExp]>([
    ["a pickle of 65 MiB", claiming("m/data.pkl", zeros, 65 * MEGABYTE), /data\.pkl has 68157440 bytes; the limit is/],
    [
      "a pickle of 16 MiB in 300 bytes",
      claiming("m/data.pkl", new Uint8Array(300_000), 16 * MEGABYTE),
      /bytes cannot decompress to the 16777216/,
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
    await expect(open(archive)).rejects.toThrow(/m\/data\/[01]: its bytes .* overlap/);
  });
});

describe("names with an index of billions lead to no list of as many", () => {
  it.each([
    "mid_block1.0.weight init_conv.convs.4294967295.weight",
    "mid_block1.0.weight init_conv.convs.400000000.weight",
    "mid_block1.0.weight downs.400000000.0.weight ups.400000000.0.weight",
    "unets.0.mid_block1.0.weight unets.4294967294.mid_block1.0.weight",
    "unets.0.mid_block1.0.weight unets.400000000.mid_block1.0.weight",
    "net.causal_transformer.layers.4294967295.0.to_q.weight",
  ])("%s", (names) => {
    const tensors = new Map(names.split(" ").map((name) => [name, { shape: [4, 4] }]));
    const before = process.memoryUsage().rss;
    const { component, dialect } = detectDialect({ name: "x.pth", version: "1.1.0", config: undefined, tensors });
    const inferred =
      component === "prior" ? inferPrior(tensors, dialect.network) : inferDecoder(tensors, dialect.network);
    expect(JSON.stringify(inferred).length).toBeLessThan(10_000);
    expect(process.memoryUsage().rss - before).toBeLessThan(2 ** 27);
  });
});
