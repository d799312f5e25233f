import fc from "fast-check";
import { corpus } from "../corpus.js";
import { drawn, made, mixed, type Inputs } from "../inputs.js";
import { concat, littleEndian, mutateBytes, utf8 } from "../mutators/bytes.js";
import { fromPlain, mutateJson, mutateJsonText, printJson, type Json } from "../mutators/json.js";
import { KNOWN_NAMES, NASTY_NAMES } from "../mutators/words.js";
import { promise, type Target } from "../target.js";
import { CHECKPOINT_REFUSALS, checkCheckpoint } from "./checkpoint.js";

interface File {
  readonly header: Json;
  readonly data: Uint8Array;
}

const WIDTHS = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
  U16: 2,
  U32: 4,
  U64: 8,
};
type Width = keyof typeof WIDTHS;

/** A file from the text of its header and its data. */
export function safetensorsFile(header: string, data: Uint8Array): Uint8Array {
  const json = utf8(header);
  return concat([littleEndian(json.length, 8), json, data]);
}

function parse(bytes: Uint8Array): File {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length))) as unknown;
  return { header: fromPlain(header), data: bytes.slice(8 + length) };
}

const own: File = {
  header: fromPlain({
    __metadata__: {
      version: "1.14.2",
      config: JSON.stringify({ net: { dim: 8 } }),
      sparse_shape: JSON.stringify({ t: [10, 4] }),
    },
    t: { dtype: "F32", shape: [2, 4], data_offsets: [0, 32] },
    "t.rows": { dtype: "I32", shape: [2], data_offsets: [32, 40] },
    "net.causal_transformer.a": { dtype: "F16", shape: [3, 3], data_offsets: [40, 58] },
    e: { dtype: "F32", shape: [0, 3], data_offsets: [58, 58] },
    b: { dtype: "BOOL", shape: [], data_offsets: [58, 59] },
  }),
  data: new Uint8Array(59).fill(1, 32, 33).fill(5, 36, 37),
};

const name = fc.oneof(fc.constantFrom(...KNOWN_NAMES), fc.constantFrom(...NASTY_NAMES), fc.string());
const tensor = fc.tuple(
  name,
  fc.constantFrom(...(Object.keys(WIDTHS) as Width[])),
  fc.array(fc.nat({ max: 5 }), { maxLength: 4 }),
);
const metadata = fc.dictionary(name, fc.oneof(fc.string(), fc.json(), fc.constantFrom(...KNOWN_NAMES)), { maxKeys: 4 });

/** Valid files with any names and types, sometimes with a gap or too few bytes. */
const sound = drawn(
  fc.tuple(
    fc.array(tensor, { maxLength: 6 }),
    metadata,
    fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, fc.integer({ min: -3, max: 3 })),
  ),
  ([tensors, texts, gap]) => {
    let end = 0;
    const entries = tensors.map(([key, dtype, shape]) => {
      const begin = end;
      end += WIDTHS[dtype] * shape.reduce((product, size) => product * size, 1);
      return `${JSON.stringify(key)}:${JSON.stringify({ dtype, shape, data_offsets: [begin, end] })}`;
    });
    const header = [`"__metadata__":${JSON.stringify(texts)}`, ...entries].join(",");
    return safetensorsFile(`{${header}}`, new Uint8Array(Math.max(0, end + gap)).fill(0x3c));
  },
);

/** Small files of this format and mutations of them. */
export function safetensorsInputs(files: readonly Uint8Array[]): Inputs {
  const parsed = files.map(parse);
  return mixed(
    [
      5,
      made((random) => {
        const { header, data } = random.pick(parsed);
        return safetensorsFile(printJson(mutateJson(header, random)), data);
      }),
    ],
    [
      1,
      made((random) => {
        const { header, data } = random.pick(parsed);
        return safetensorsFile(mutateJsonText(printJson(header), random), data);
      }),
    ],
    [2, made((random) => mutateBytes(random.pick(files), random, files))],
    [4, sound],
  );
}

export function safetensorsFiles(): Uint8Array[] {
  return [safetensorsFile(printJson(own.header), own.data), ...corpus("safetensors")];
}

export function safetensors(): Target {
  const seeds = safetensorsFiles();
  return {
    seeds: [...seeds, ...corpus("safetensors-damaged")],
    inputs: safetensorsInputs(seeds),
    refusals: CHECKPOINT_REFUSALS,
    run: async (bytes) => {
      await checkCheckpoint(bytes);
      checkTiling(bytes);
    },
  };
}

/** Checked independently: the tensors of an accepted file fill the data without gap or overlap. */
function checkTiling(bytes: Uint8Array): void {
  if (bytes[8] !== 0x7b) return;
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length))) as Record<
    string,
    { data_offsets: number[] }
  >;
  const ranges = Object.entries(header)
    .filter(([key]) => key !== "__metadata__")
    .map(([, { data_offsets: offsets }]) => offsets);
  let position = 0;
  for (const [begin, end] of ranges.sort((a, b) => a[0]! - b[0]! || a[1]! - b[1]!)) {
    promise(begin === position && end! >= begin, `accepts data from ${begin} to ${end} behind ${position}`);
    position = end!;
  }
  promise(position === bytes.length - 8 - length, "accepts data that no tensor holds");
}
