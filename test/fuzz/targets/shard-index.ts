import { FileError } from "../../../src/platform/errors.js";
import { MemorySource } from "../../../src/platform/source.js";
import { corpus } from "../corpus.js";
import { made, mixed } from "../inputs.js";
import { utf8 } from "../mutators/bytes.js";
import { fromPlain, mutateJson, mutateJsonText, printJson } from "../mutators/json.js";
import { promise, type Target } from "../target.js";
import { CHECKPOINT_REFUSALS, checkCheckpoint } from "./checkpoint.js";
import { safetensorsFile } from "./safetensors.js";

const header = (tensors: object) => JSON.stringify(tensors);
const SHARDS: ReadonlyMap<string, Uint8Array> = new Map([
  [
    "a.safetensors",
    safetensorsFile(
      header({
        x: { dtype: "F32", shape: [2], data_offsets: [0, 8] },
        y: { dtype: "F16", shape: [1], data_offsets: [8, 10] },
      }),
      new Uint8Array(10),
    ),
  ],
  [
    "b.safetensors",
    safetensorsFile(
      header({ __metadata__: { format: "pt" }, z: { dtype: "I64", shape: [1], data_offsets: [0, 8] } }),
      new Uint8Array(8),
    ),
  ],
  // Damaged ones: not JSON, truncated, empty, another index.
  ["c.safetensors", safetensorsFile("{", new Uint8Array(0))],
  [
    "d.safetensors",
    safetensorsFile(header({ x: { dtype: "F32", shape: [2], data_offsets: [0, 8] } }), new Uint8Array(3)),
  ],
  ["e.safetensors", new Uint8Array(0)],
  ["f.safetensors", utf8('{"weight_map":{"x":"f.safetensors"}}')],
]);

const INDEX = fromPlain({
  metadata: { total_size: 18 },
  weight_map: { x: "a.safetensors", y: "a.safetensors", z: "b.safetensors" },
});
const DAMAGED = ["c", "d", "e", "f"].map((name) =>
  fromPlain({ weight_map: { x: `${name}.safetensors`, z: "b.safetensors" } }),
);

/** The index of a checkpoint in shards. Its shards are in memory; three of them are valid. */
export function shardIndex(): Target {
  const indexes = [INDEX, INDEX, ...DAMAGED];
  return {
    seeds: [...indexes.map((index) => utf8(printJson(index))), ...corpus("shard-index")],
    inputs: mixed(
      [6, made((random) => utf8(printJson(mutateJson(random.pick(indexes), random))))],
      [3, made((random) => utf8(mutateJsonText(printJson(random.pick(indexes)), random)))],
    ),
    refusals: CHECKPOINT_REFUSALS,
    run: checkIndex,
  };
}

async function checkIndex(bytes: Uint8Array): Promise<void> {
  const asked: string[] = [];
  let open = 0;
  const openShard = (name: string): Promise<MemorySource> => {
    asked.push(name);
    const content = SHARDS.get(name);
    if (!content) return Promise.reject(new FileError("shard", "there is no such file"));
    open++;
    return Promise.resolve(new CountedSource(content, () => open--));
  };
  try {
    await checkCheckpoint(bytes, { openShard });
  } finally {
    promise(
      asked.every((name) => !/[/\\:?#%\0]|^\.*$/.test(name)),
      "asks for a shard in another place",
    );
    promise(open === 0, "leaves shards open");
  }
}

class CountedSource extends MemorySource {
  constructor(
    bytes: Uint8Array,
    private readonly onClose: () => void,
  ) {
    super(bytes, "shard");
  }

  override close(): Promise<void> {
    this.onClose();
    return super.close();
  }
}
