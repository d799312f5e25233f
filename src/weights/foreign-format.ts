// Says what a file is that is not a supported checkpoint, by its first bytes, and what to do about it. Only known phrases of
// its content are quoted, because it may contain secrets.
import type { ByteSource } from "../platform/source.js";
import { excerpt } from "../platform/printable.js";
import { decodeLatin1 } from "./formats/pickle-text.js";
import { HEAD_BYTES } from "./head.js";
import { MAX_HEADER_BYTES } from "./formats/safetensors.js";

const EXPECTED = "expected .safetensors, or .pth as torch.save writes it";
const UNPACK = "unpack it and give the checkpoint in it";
const EXPORT = 'load the model where it was made and save its weights with torch.save(model.state_dict(), "model.pth")';

const NOT_TORCH = `Weights of PyTorch are needed: ${EXPORT}`;

/** Describes a file of an unsupported format that begins with `head`. */
export function describeForeign(head: Uint8Array, { name, size }: Pick<ByteSource, "name" | "size">): string {
  const text = textOf(head);
  return (
    describeEmpty(head, size) ??
    describePointer(text) ??
    describePage(text) ??
    describeMagic(text) ??
    describeCutHeader(head, size) ??
    describeOnnx(text) ??
    describePickle(text) ??
    describeByName(name) ??
    describeText(text) ??
    `not a known checkpoint format (it starts with ${hex(head)}); ${EXPECTED}`
  );
}

/** The bytes as characters, or as text if a byte order mark says so. (A `TextDecoder` for Latin-1 gives Windows-1252.) */
function textOf(head: Uint8Array): string {
  const [first, second, third] = head;
  if (first === 0xff && second === 0xfe) return new TextDecoder("utf-16le").decode(head);
  if (first === 0xfe && second === 0xff) return new TextDecoder("utf-16be").decode(head);
  return decodeLatin1(first === 0xef && second === 0xbb && third === 0xbf ? head.subarray(3) : head);
}

function describeEmpty(head: Uint8Array, size: number): string | undefined {
  if (size === 0) return "it is empty; its download or the program that wrote it failed. Download it again";
  if (!head.every((byte) => byte === 0)) return undefined;
  return `it begins with ${head.length} zeros: space was reserved for its ${size} bytes, but they were never written. Download it again`;
}

/** Describes a safetensors file whose download ended inside its header: the length of the header, then JSON. */
function describeCutHeader(head: Uint8Array, size: number): string | undefined {
  if (head.length < 10 || head[8] !== 0x7b || head[9] !== 0x22) return undefined;
  const length = new DataView(head.buffer, head.byteOffset).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER_BYTES) || length + 8n <= BigInt(size)) return undefined;
  return `a truncated safetensors file: its header alone has ${length} bytes, but the file has ${size}. Download it again`;
}

/** Describes small text files that replace large files in a repository. */
function describePointer(text: string): string | undefined {
  if (/^version https:\/\/(?:git-lfs|hawser)\.github\.com\/spec\//.test(text)) {
    const [, oid] = /^oid (\w{1,16}:[\da-f]{8,128})\s*$/m.exec(text) ?? [];
    const [, bytes] = /^size (\d{1,20})\s*$/m.exec(text) ?? [];
    const size = bytes === undefined ? "" : `has ${bytes} bytes${oid === undefined ? "" : ` (${oid})`} and `;
    return `a git LFS pointer, not the file itself, which ${size}was not downloaded. Run "git lfs pull" in its repository, or download the file from its page`;
  }
  if (text.startsWith("# xet version"))
    return 'a git-xet pointer, not the file itself, which was not downloaded. Run "git xet pull" in its repository, or download the file from its page';
  if (/^(?:\.\.\/)*(?:\.git)?\/?annex\/objects\//.test(text))
    return 'a git-annex pointer, not the file itself. Run "git annex get" for it in its repository';
  if (/^(?:outs|wdir|deps):\s*\n/.test(text))
    return 'a DVC pointer, not the file itself. Run "dvc pull" in its repository';
  return undefined;
}

/** Describes responses that servers send in place of a file. */
function describePage(text: string): string | undefined {
  const start = text.trimStart();
  if (/^(?:<\?xml[^>]*>\s*)?<Error[\s>]/i.test(start) || /<Code>\w+<\/Code>/.test(start))
    return `a server's response instead of the file${quotedPhrase(text)}; check the URL, and whether the server needs a login`;
  if (/^<(?:!doctype|html|head|body|title|meta|script|div|!--|\?xml)/i.test(start))
    return `it looks like a web page; the download may have been refused${quotedPhrase(text)}. Download the file itself: on Hugging Face by the URL with /resolve/ instead of /blob/, and with a token if it is gated`;
  return undefined;
}

/** Server messages that may be quoted. */
const PHRASES =
  /\b(?:Entry not found|Repository not found|Revision not found|Invalid username or password|Invalid credentials|Access to \w+ is restricted|Unauthorized|Forbidden|AccessDenied|Access Denied|NoSuchKey|NoSuchBucket|ExpiredToken|SignatureDoesNotMatch|RequestTimeTooSkewed|Not Found|Too Many Requests|rate limit(?:ed| exceeded)?|quota exceeded|Service Unavailable|Bad Gateway|Gateway Time-?out|Internal Server Error)\b/i;

function quotedPhrase(text: string): string {
  const [phrase] = PHRASES.exec(text) ?? [];
  return phrase === undefined ? "" : ` (it says "${phrase}")`;
}

interface Magic {
  /** One of these marks is at byte `at`, 0 by default; bytes as Latin-1. */
  readonly marks: readonly string[];
  readonly at?: number;
  readonly what: string;
}

const NO_CHECKPOINT = `not a checkpoint; ${EXPECTED}`;

const MAGIC: readonly Magic[] = [
  { marks: ["\x1f\x8b"], what: `compressed with gzip; ${UNPACK} (gunzip, or tar -xzf)` },
  { marks: ["\x28\xb5\x2f\xfd"], what: `compressed with zstd; ${UNPACK} (unzstd)` },
  { marks: ["\xfd7zXZ\0"], what: `compressed with xz; ${UNPACK} (unxz, or tar -xJf)` },
  { marks: ["BZh"], what: `compressed with bzip2; ${UNPACK} (bunzip2, or tar -xjf)` },
  { marks: ["\x04\x22\x4d\x18"], what: `compressed with lz4; ${UNPACK} (unlz4)` },
  { marks: ["7z\xbc\xaf\x27\x1c"], what: `a 7z archive; ${UNPACK}` },
  { marks: ["Rar!\x1a\x07"], what: `a rar archive; ${UNPACK}` },
  { marks: ["PK\x05\x06", "PK\x06\x06"], what: "an empty zip archive" },
  { marks: ["PK\x07\x08"], what: `a part of a multi-volume zip archive; ${UNPACK}` },
  {
    marks: ["sys_info\0", "storages\0", "tensors\0", "pickle\0"],
    what: 'a tar archive, as torch wrote checkpoints before version 0.2; load it with torch and save it again: torch.save(torch.load("old.pth"), "new.pth")',
  },
  { at: 257, marks: ["ustar"], what: `a tar archive; ${UNPACK} (tar -xf)` },
  {
    marks: ["GGUF"],
    what: "a GGUF file, the format of llama.cpp. Use the original file, in safetensors or from torch.save",
  },
  { marks: ["lmgg", "fmgg", "tjgg"], what: "a GGML file. Use the original file, in safetensors or from torch.save" },
  { marks: ["\x89HDF\r\n\x1a\n"], what: `an HDF5 file (.h5), as saved by Keras. ${NOT_TORCH}` },
  { at: 4, marks: ["TFL3"], what: `a TensorFlow Lite model. ${NOT_TORCH}` },
  {
    marks: ["\x93NUMPY"],
    what: "a NumPy array (.npy), which has no name. Save a dict of tensors with torch.save or safetensors.numpy.save_file",
  },
  { marks: ["\x89PNG", "\xff\xd8\xff", "GIF8"], what: `an image, ${NO_CHECKPOINT}` },
  { at: 8, marks: ["WEBP"], what: `an image, ${NO_CHECKPOINT}` },
  { marks: ["%PDF"], what: `a PDF, ${NO_CHECKPOINT}` },
  { marks: ["SQLite format 3\0"], what: `an SQLite database, ${NO_CHECKPOINT}` },
];

function describeMagic(text: string): string | undefined {
  return MAGIC.find(({ at = 0, marks }) => marks.some((mark) => text.startsWith(mark, at)))?.what;
}

/** ONNX has no mark. It begins with its version as a protobuf field, and the name of the exporter. */
function describeOnnx(text: string): string | undefined {
  const isOnnx = text.startsWith("\x08") && /pytorch|onnx|paddle/i.test(text.slice(0, 32));
  return isOnnx ? `an ONNX model, in which the weights have other names; ${EXPORT}` : undefined;
}

/** Opcodes that follow the protocol opcode of a pickle. */
const FIRST_OPCODES = "\x95\x8a\x89\x88\x8c]})(cXKMJGNTU";

/** Describes a pickle that torch.save did not write. */
function describePickle(text: string): string | undefined {
  const protocol = text.startsWith("\x80") ? text.charCodeAt(1) : 0;
  const isPickle =
    protocol === 0
      ? /^(?:\([dl]p\d+\n|c[\w.]+\n\w+\n)/.test(text)
      : protocol <= 5 && text.length > 2 && FIRST_OPCODES.includes(text[2]!);
  if (!isPickle) return undefined;
  const start = "a pickle that torch.save did not write";
  if (text.includes("joblib"))
    return `${start} but joblib.dump; load it with joblib and save its weights with torch.save`;
  if (text.includes("numpy"))
    return `${start}, with NumPy arrays. In Python: torch.save({k: torch.from_numpy(v) for k, v in pickle.load(open("old.pkl", "rb")).items()}, "new.pth")`;
  return `${start} (pickle.dump?). Load it in Python and save its weights: torch.save(state_dict, "new.pth")`;
}

const NAMES: readonly { readonly ends: RegExp; readonly what: string }[] = [
  {
    ends: /\.(?:incomplete|part|partial|crdownload|download|aria2|tmp)$/i,
    what: "an unfinished download, by its name; let it finish, or download it again",
  },
  { ends: /\.onnx$/i, what: `an ONNX model, by its name, in which the weights have other names; ${EXPORT}` },
  {
    ends: /(?:\.pb|\.ckpt\.(?:index|meta)|\.index|\.data-\d{5}-of-\d{5})$/i,
    what: `a TensorFlow file, by its name. ${NOT_TORCH}`,
  },
  {
    ends: /\.distcp$/i,
    what: 'a part of a distributed checkpoint, by its name. In Python: torch.distributed.checkpoint.format_utils.dcp_to_torch_save(folder, "model.pth")',
  },
  {
    ends: /\.(?:msgpack|orbax)$/i,
    what: `Flax weights, by its name. ${NOT_TORCH}`,
  },
];

function describeByName(name: string): string | undefined {
  return NAMES.find(({ ends }) => ends.test(name))?.what;
}

function describeText(text: string): string | undefined {
  if (!/^[\t\n\r\x20-\x7e\x80-\xff]+$/.test(text) || !/^[\t\n\r\x20-\x7e]{8}/.test(text)) return undefined;
  if (PHRASES.test(text)) return `a server's response instead of the file${quotedPhrase(text)}`;
  return `a text file, not a checkpoint; ${EXPECTED}. The download may have been refused`;
}

/** Describes JSON that is not an index of shards. */
export function describeJson(value: unknown): string {
  const isObject = typeof value === "object" && value !== null;
  const has = (key: string) => isObject && key in value;
  const none = "not a checkpoint: JSON without the weight_map of a model.safetensors.index.json";
  if (["error", "errors", "detail"].some(has) || (has("message") && !has("metadata"))) {
    const text = JSON.stringify(value).slice(0, HEAD_BYTES);
    return `${none}; it is a server's response instead of the file${quotedPhrase(text)}. Check the URL, and whether the server needs a token`;
  }
  if (["prior", "decoder", "clip"].some(has) && JSON.stringify(value).includes('"load_model_from"'))
    return `${none}; it is a load config. Give one of the checkpoints in it (load_model_from)`;
  if (["architectures", "model_type", "_class_name", "model_cfg", "decoder", "prior", "unets"].some(has))
    return `${none}; it is a model's config. Give the file with the model's weights`;
  return none;
}

/** Describes a zip archive that torch did not write, by the names in it. */
export function describeZip(names: Iterable<string>): string {
  const all = [...names];
  const start = "a zip with 0 files data.pkl; a torch checkpoint has exactly one";
  if (all.length > 0 && all.every((name) => name.endsWith(".npy")))
    return `${start}; it contains NumPy arrays (.npz). In Python: torch.save({k: torch.from_numpy(v) for k, v in numpy.load("old.npz").items()}, "new.pth")`;
  if (all.some((name) => /(?:^|\/)model\.weights\.h5$/.test(name)))
    return `${start}; it is a Keras model. ${NOT_TORCH}`;
  const checkpoint = all.find((name) => /\.(?:safetensors|pth|pt|ckpt|bin)$/i.test(name));
  if (checkpoint !== undefined)
    return `${start}; it contains ${excerpt(checkpoint)}. Unpack the archive and give that file`;
  const listed = all.slice(0, 5).map((name) => excerpt(name, 60));
  return `${start}; it contains ${listed.length === 0 ? "nothing" : `${listed.join(", ")}${all.length > listed.length ? ", …" : ""}`}`;
}

function hex(head: Uint8Array): string {
  return [...head.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
}
