import { excerpt } from "../../platform/printable.js";
import { FormatError, TruncatedError } from "../errors.js";
import { decodeByteString, decodeLatin1, decodeQuoted, decodeRawUnicodeEscape, decodeUtf8 } from "./pickle-text.js";

/** ASCII text up to this length is decoded here: for short text, calling a decoder costs more than its work. */
const SHORT_TEXT = 64;
/** Python's limit for decimal digits. */
const MAX_DIGITS = 4300;
/** Longest binary integer that is converted. */
const MAX_INTEGER_BYTES = 2048;

/** Reads the arguments of pickle opcodes, little-endian, from a buffer. A read past its end is a FormatError. */
export class PickleReader {
  private readonly view: DataView;

  constructor(
    private readonly bytes: Uint8Array,
    readonly source: string,
    /** Position of the next byte. */
    private position = 0,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Bytes from the start of the buffer to the next read. */
  get offset(): number {
    return this.position;
  }

  uint8(): number {
    return this.view.getUint8(this.take(1));
  }

  uint16(): number {
    return this.view.getUint16(this.take(2), true);
  }

  int32(): number {
    return this.view.getInt32(this.take(4), true);
  }

  uint32(): number {
    return this.view.getUint32(this.take(4), true);
  }

  /** A length in 8 bytes. */
  uint64(): number {
    const value = this.view.getBigUint64(this.take(8), true);
    if (value > BigInt(this.bytes.length)) throw this.cutOff(`a length of ${value} bytes`);
    return Number(value);
  }

  /** The only big-endian number of the format. */
  float64(): number {
    return this.view.getFloat64(this.take(8), false);
  }

  blob(length: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.part(length));
  }

  /** A str: UTF-8 with Python's surrogate halves. */
  text(length: number): string {
    const part = this.part(length);
    const text = shortAscii(part) ?? decodeUtf8(part);
    if (text === undefined) throw this.error("text that is not UTF-8");
    return text;
  }

  /** A Python 2 str, which may be text or bytes. */
  byteString(length: number): string {
    const part = this.part(length);
    return shortAscii(part) ?? decodeByteString(part);
  }

  /** A line of ASCII: a number, a name or a literal. The newline is consumed but not returned. */
  line(): string {
    const line = this.lineBytes();
    return shortAscii(line) ?? decodeLatin1(line);
  }

  /** The name of a module, class or function. */
  nameLine(): string {
    const line = this.lineBytes();
    return shortAscii(line) ?? decodeByteString(line);
  }

  /** A str of protocol 0. */
  unicodeLine(): string {
    return decodeRawUnicodeEscape(this.lineBytes());
  }

  /** A Python 2 str in protocol 0: quoted, with escapes. */
  quotedLine(): string {
    const characters = decodeQuoted(decodeLatin1(this.lineBytes()));
    if (characters === undefined) throw this.error("a string without quotes around it");
    return decodeByteString(Uint8Array.from(characters, (character) => character.charCodeAt(0)));
  }

  /**
   * A two's complement integer of any length: a bigint if a number would lose digits. Undefined if it is too long to be
   * useful.
   */
  integer(length: number): number | bigint | undefined {
    if (length < 0) throw this.error(`an integer of ${length} bytes`);
    const part = this.part(length);
    if (length > MAX_INTEGER_BYTES) return undefined;
    let digits = "0x0";
    for (let at = length - 1; at >= 0; at--) digits += part[at]!.toString(16).padStart(2, "0");
    return shorten(BigInt.asIntN(8 * length, BigInt(digits)));
  }

  /** An integer in decimal digits; undefined if it has too many. */
  decimal(text: string): number | bigint | undefined {
    const trimmed = text.trim();
    if (!/^[-+]?\d+$/.test(trimmed)) throw this.error(`expected an integer, got the text ${excerpt(text, 40)}`);
    return trimmed.length > MAX_DIGITS ? undefined : shorten(BigInt(trimmed.replace("+", "")));
  }

  /** A floating point number in Python's notation. */
  float(text: string): number {
    const trimmed = text.trim().toLowerCase();
    const special = /^([-+]?)(inf|nan)$/.exec(trimmed);
    if (special) return special[2] === "nan" ? NaN : special[1] === "-" ? -Infinity : Infinity;
    const number = Number(trimmed);
    if (trimmed === "" || Number.isNaN(number))
      throw this.error(`expected a number, got the text ${excerpt(text, 40)}`);
    return number;
  }

  error(problem: string): FormatError {
    return new FormatError(this.source, this.describe(problem));
  }

  private cutOff(problem: string): TruncatedError {
    return new TruncatedError(this.source, this.describe(problem));
  }

  private describe(problem: string): string {
    return `its pickle is damaged or truncated: ${problem} (near byte ${this.position})`;
  }

  private lineBytes(): Uint8Array {
    const end = this.bytes.indexOf(0x0a, this.position);
    if (end < 0) throw this.cutOff("a text argument without an end of line");
    const line = this.bytes.subarray(this.position, end);
    this.position = end + 1;
    return line;
  }

  private part(length: number): Uint8Array {
    const start = this.take(length);
    return this.bytes.subarray(start, start + length);
  }

  private take(length: number): number {
    const start = this.position;
    if (length < 0 || start + length > this.bytes.length)
      throw this.cutOff(`it ends inside an argument of ${length} bytes`);
    this.position += length;
    return start;
  }
}

function shortAscii(bytes: Uint8Array): string | undefined {
  if (bytes.length > SHORT_TEXT) return undefined;
  for (const byte of bytes) if (byte >= 0x80) return undefined;
  return String.fromCharCode(...bytes);
}

function shorten(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
