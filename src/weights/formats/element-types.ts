// Element types by their names in torch and numpy.
import type { Dtype } from "../dtypes.js";

/** The type of a tensor's elements, by the file. */
export interface ElementType {
  /** For messages and reports: torch's name, such as `complex64`. */
  readonly name: string;
  /** Bytes of one element. */
  readonly bytes: number;
  /** Undefined for types that this library does not support. */
  readonly dtype: Dtype | undefined;
}

const type = (name: string, bytes: number, dtype?: Dtype): ElementType => ({ name, bytes, dtype });

const ALL: readonly ElementType[] = [
  type("float64", 8, "F64"),
  type("float32", 4, "F32"),
  type("float16", 2, "F16"),
  type("bfloat16", 2, "BF16"),
  type("float8_e4m3fn", 1, "F8_E4M3"),
  type("float8_e5m2", 1, "F8_E5M2"),
  type("float8_e4m3fnuz", 1, "F8_E4M3FNUZ"),
  type("float8_e5m2fnuz", 1, "F8_E5M2FNUZ"),
  type("float8_e8m0fnu", 1, "F8_E8M0"),
  type("float4_e2m1fn_x2", 1),
  type("int64", 8, "I64"),
  type("int32", 4, "I32"),
  type("int16", 2, "I16"),
  type("int8", 1, "I8"),
  type("uint64", 8, "U64"),
  type("uint32", 4, "U32"),
  type("uint16", 2, "U16"),
  type("uint8", 1, "U8"),
  type("bool", 1, "BOOL"),
  type("complex32", 4),
  type("complex64", 8),
  type("complex128", 16),
  type("qint32", 4),
  type("qint8", 1),
  type("quint8", 1),
  type("quint4x2", 1),
  type("quint2x4", 1),
  type("bits16", 2),
  type("bits8", 1),
  type("bits4x2", 1),
  type("bits2x4", 1),
  type("bits1x8", 1),
];

const BY_NAME: ReadonlyMap<string, ElementType> = new Map(ALL.map((one) => [one.name, one]));

/** torch's aliases for some types. */
const SYNONYMS: Readonly<Record<string, string>> = {
  double: "float64",
  float: "float32",
  half: "float16",
  long: "int64",
  int: "int32",
  short: "int16",
  chalf: "complex32",
  cfloat: "complex64",
  cdouble: "complex128",
};

/** The type for a name such as `float32`, which follows `torch.` in pickles. */
export function torchType(name: string): ElementType | undefined {
  return BY_NAME.get(Object.hasOwn(SYNONYMS, name) ? SYNONYMS[name]! : name);
}

/** Types by the classes of their storages. An untyped storage has bytes. */
const STORAGES: ReadonlyMap<string, string> = new Map([
  ["DoubleStorage", "float64"],
  ["FloatStorage", "float32"],
  ["HalfStorage", "float16"],
  ["BFloat16Storage", "bfloat16"],
  ["LongStorage", "int64"],
  ["IntStorage", "int32"],
  ["ShortStorage", "int16"],
  ["CharStorage", "int8"],
  ["ByteStorage", "uint8"],
  ["BoolStorage", "bool"],
  ["ComplexDoubleStorage", "complex128"],
  ["ComplexFloatStorage", "complex64"],
  ["QInt32Storage", "qint32"],
  ["QInt8Storage", "qint8"],
  ["QUInt8Storage", "quint8"],
  ["QUInt4x2Storage", "quint4x2"],
  ["QUInt2x4Storage", "quint2x4"],
  ["UntypedStorage", "uint8"],
  ["_UntypedStorage", "uint8"],
]);

/** The element type of a storage class such as `FloatStorage`. */
export function storageType(className: string): ElementType | undefined {
  const name = STORAGES.get(className);
  return name === undefined ? undefined : BY_NAME.get(name);
}

const NUMPY_KINDS: Readonly<Record<string, string>> = { f: "float", i: "int", u: "uint", c: "complex" };

/** The type for a numpy code, such as `f4` for float32. Undefined for objects, text, dates and records. */
export function numpyType(code: string): ElementType | undefined {
  if (code === "b1" || code === "?") return BY_NAME.get("bool");
  const [, kind = "", bytes = ""] = /^([fiuc])(\d{1,2})$/.exec(code) ?? [];
  const found = BY_NAME.get(`${NUMPY_KINDS[kind] ?? ""}${8 * Number(bytes)}`);
  return kind === "c" && Number(bytes) < 8 ? undefined : found;
}
