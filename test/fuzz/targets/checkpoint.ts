import { MemorySource } from "../../../src/platform/source.js";
import { openCheckpoint } from "../../../src/models/open-checkpoint.js";
import type { CheckpointOptions } from "../../../src/weights/checkpoint.js";
import type { Checkpoint } from "../../../src/weights/checkpoint.js";
import { convertCheckpoint } from "../../../src/models/convert.js";
import { inspectCheckpoint } from "../../../src/models/inspect.js";
import type { TensorEntry } from "../../../src/weights/tensor-entry.js";
import { collect } from "../../support/collect.js";
import { concat } from "../mutators/bytes.js";
import { promise, type LibraryError } from "../target.js";

/** The errors for a refused checkpoint. */
export const CHECKPOINT_REFUSALS: readonly LibraryError[] = [
  "FormatError",
  "FileError",
  "DialectError",
  "UnsupportedError",
];

/** How many tensors of a file to read, and up to which size. */
const MAX_TENSORS = 24;
const MAX_BYTES = 2 ** 16;

/** The guarantees of an open checkpoint, for any file. */
export async function checkCheckpoint(bytes: Uint8Array, options: CheckpointOptions = {}): Promise<void> {
  const source = new MemorySource(bytes, "input");
  const checkpoint = await openCheckpoint(source, options);
  try {
    const some = [...checkpoint.tensors].slice(0, MAX_TENSORS);
    for (const [name, entry] of some) await checkTensor(name, entry);
    JSON.stringify(await inspectCheckpoint(checkpoint));
    const isSmall = some.length === checkpoint.tensors.size && sizeOf(checkpoint) <= MAX_BYTES;
    if (isSmall) await checkConversion(checkpoint);
  } finally {
    await checkpoint.close();
  }
}

function sizeOf({ tensors, clip }: Checkpoint): number {
  return [...tensors.values(), ...clip.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
}

async function checkTensor(name: string, entry: TensorEntry): Promise<void> {
  const { byteLength, shape } = entry;
  promise(entry.name === name, "a tensor has another name than its entry");
  promise(shape.every(isSize), `a tensor has the shape [${shape.join()}]`);
  promise(isSize(byteLength), `a tensor has ${byteLength} bytes`);
  if (byteLength > MAX_BYTES) return;
  const { length } = await entry.read();
  promise(length === byteLength, `a read gave ${length} of ${byteLength} bytes`);
}

const isSize = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

/** Names of an average within another: if they are read again, they count as an average again, and lose this prefix. */
const AVERAGED = /^(\d+\.)?(ema_model|online_model)\./;

/** Converting a checkpoint and reading it again must change nothing. */
async function checkConversion(checkpoint: Checkpoint): Promise<void> {
  if ([...checkpoint.tensors.keys()].some((name) => AVERAGED.test(name))) return;
  const file = concat(await collect(convertCheckpoint(checkpoint)));
  const converted = await openCheckpoint(new MemorySource(file, "converted")).catch((error: unknown) => {
    promise(false, `what it converted is refused: ${String(error).slice(0, 200)}`);
  });
  await checkSame(checkpoint.tensors, converted.tensors);
  await checkSame(checkpoint.clip, converted.clip);
  promise(checkpoint.version === converted.version, `version ${checkpoint.version} became ${converted.version}`);
  const [before, after] = [checkpoint.config, converted.config].map((config) => JSON.stringify(config));
  promise(before === after, "its config became another");
}

async function checkSame(
  before: ReadonlyMap<string, TensorEntry>,
  after: ReadonlyMap<string, TensorEntry>,
): Promise<void> {
  promise(before.size === after.size, `${before.size} tensors became ${after.size}`);
  for (const [name, entry] of before) {
    const other = after.get(name);
    promise(other !== undefined, "a tensor is missing after conversion");
    promise(
      other.dtype === entry.dtype && other.shape.join() === entry.shape.join(),
      "a tensor changed its type or shape",
    );
    promise(Buffer.compare(await entry.read(), await other.read()) === 0, "a tensor changed its values");
  }
}
