import {
  f32,
  LEGACY_HEAD,
  scalar,
  TestTensor,
  torchLegacy,
  torchZip,
  type TestTree,
} from "../../support/torch-file.js";
import { zip } from "../../support/zip.js";
import { corpus, readBytes } from "../corpus.js";
import { made, mixed } from "../inputs.js";
import { concat, latin1, littleEndian, mutateBytes } from "../mutators/bytes.js";
import { mutatePickle } from "../mutators/pickle.js";
import { randomPickle } from "../mutators/pickle-writer.js";
import { mutateZip } from "../mutators/zip.js";
import type { Target } from "../target.js";
import { CHECKPOINT_REFUSALS, checkCheckpoint } from "./checkpoint.js";

const shared = { dtype: "F32", bytes: new Uint8Array(16).fill(0x3f) } as const;
const matrix = new TestTensor([2, 2], shared);

/** Small trees of checkpoints as trainers save them. */
const TREES: readonly TestTree[] = [
  { "net.causal_transformer.a": f32([2, 2], [1, 2, 3, 4]), "net.b": scalar(1) },
  { model: { "module.net.a": matrix, "module.net.b": new TestTensor([2], shared, 2) }, version: "1.14.2", epoch: 3 },
  {
    state_dict: { "unets.0.to_time_hiddens.1.weight": matrix },
    config: { unets: [{ dim: 4 }] },
    log: ["a", 0.5, null, true],
  },
  { model: { w: matrix }, ema_model: { "ema_model.w": scalar(2) }, optimizer: { state: { a: scalar(3) } } },
];

/** The zip archive for a pickle, with the storages "0", "1" and "2" of four floats each. */
export function archiveOf(pickle: Uint8Array): Uint8Array {
  const storages = ["0", "1", "2"].map((key) => [`m/data/${key}`, new Uint8Array(16).fill(0x3f)] as const);
  return zip([["m/data.pkl", pickle], ...storages]);
}

/** The archive's pickle. */
function pickleOf(archive: Uint8Array): Uint8Array {
  const bytes = Buffer.from(archive);
  const at = bytes.indexOf("/data.pkl", 0, "latin1");
  const start = at + "/data.pkl".length + bytes.readUInt16LE(bytes.lastIndexOf("PK\x03\x04", at, "latin1") + 28);
  const end = bytes.indexOf("PK\x03\x04", start, "latin1");
  return Uint8Array.from(bytes.subarray(start, end));
}

function archives(): Uint8Array[] {
  const own = TREES.flatMap((tree) => [
    torchZip(tree),
    torchZip(tree, { deflate: true }),
    torchZip(tree, { zip64: true, comment: "c" }),
  ]);
  return [
    ...own,
    readBytes("test/fixtures/torch/views.pth"),
    readBytes("test/fixtures/torch/script.pt"),
    ...corpus("torch"),
  ].map((file) => Uint8Array.from(file));
}

/** Torch archives with a damaged zip structure. */
export function torchZipTarget(): Target {
  const seeds = archives();
  const inputs = made((random) => mutateZip(random.pick(seeds), random, seeds));
  return { seeds, inputs, refusals: CHECKPOINT_REFUSALS, run: (bytes) => checkCheckpoint(bytes) };
}

function pickles(): Uint8Array[] {
  return [...TREES.map((tree) => torchZip(tree)), ...corpus("torch")].map(pickleOf);
}

/** The pickle inside a torch archive. */
export function pickle(): Target {
  const seeds = pickles();
  return {
    seeds: [...seeds, ...corpus("pickle")],
    inputs: mixed(
      [4, made((random) => mutatePickle(random.pick(seeds), random))],
      [6, made((random) => randomPickle(random))],
      [2, made((random) => mutatePickle(randomPickle(random), random))],
      [1, made((random) => mutateBytes(random.pick(seeds), random, seeds))],
    ),
    refusals: CHECKPOINT_REFUSALS,
    run: (bytes) => checkCheckpoint(archiveOf(bytes)),
  };
}

/** A legacy file from a pickle, the list of its storages, and the storages. */
function legacyFile(tree: Uint8Array): Uint8Array {
  const storage = concat([littleEndian(4, 8), new Uint8Array(16).fill(0x3f)]);
  return concat([LEGACY_HEAD, tree, latin1("(V0\nV1\nV2\nl."), storage, storage, storage]);
}

/** Files in torch's format before 1.6. */
export function legacy(): Target {
  const seeds = [
    ...TREES.map((tree) => Uint8Array.from(torchLegacy(tree))),
    readBytes("test/fixtures/torch/views-legacy.pth"),
    ...corpus("legacy"),
  ];
  const withHead = (bytes: Uint8Array, rest: Uint8Array) => concat([bytes.subarray(0, 15), rest]);
  return {
    seeds,
    inputs: mixed(
      [
        4,
        made((random) => {
          const file = random.pick(seeds);
          return withHead(file, mutateBytes(file.subarray(15), random, seeds));
        }),
      ],
      [6, made((random) => legacyFile(randomPickle(random, true)))],
      [3, made((random) => legacyFile(mutatePickle(randomPickle(random, true), random)))],
      [1, made((random) => mutateBytes(random.pick(seeds), random, seeds))],
    ),
    refusals: CHECKPOINT_REFUSALS,
    run: (bytes) => checkCheckpoint(bytes),
  };
}
