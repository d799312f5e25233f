import { FormatError, TruncatedError } from "../errors.js";

/** Longest decimal or textual argument of protocol 0, which is ended by a newline. */
const MAX_LINE_BYTES = 64 * 1024;
/** Longest integer: 1024 bits. */
const MAX_INTEGER_BYTES = 128;

/** Reads the arguments of pickle opcodes, little-endian, from a buffer; every read past its end is a FormatError. */
export class PickleReader {
  private readonly view: DataView;
  private readonly utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

  constructor(
    private readonly bytes: Uint8Array,
    readonly source: string,
    /** Where the next byte is read. */
    private position = 0,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Bytes from the buffer's start to what is read next. */
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

  /** A length of 8 bytes. */
  uint64(): number {
    const value = this.view.getBigUint64(this.take(8), true);
    if (value > BigInt(this.bytes.length)) throw this.cutOff(`a length of ${value} bytes`);
    return Number(value);
  }

  /** The one big-endian number of the format. */
  float64(): number {
    return this.view.getFloat64(this.take(8), false);
  }

  blob(length: number): Uint8Array<ArrayBuffer> {
    const start = this.take(length);
    return new Uint8Array(this.bytes.subarray(start, start + length));
  }

  text(length: number): string {
    return this.decode(this.blob(length));
  }

  /** Text up to a newline, which is consumed and left out. */
  line(): string {
    const end = this.bytes.indexOf(0x0a, this.position);
    const length = (end < 0 ? this.bytes.length : end) - this.position;
    if (length > MAX_LINE_BYTES) throw this.error(`a text argument of more than ${MAX_LINE_BYTES} bytes`);
    if (end < 0) throw this.cutOff("a text argument without its end of line");
    const text = this.text(length);
    this.take(1);
    return text;
  }

  /** A two's complement integer of any length; a bigint where a number would lose digits. */
  integer(length: number): number | bigint {
    if (length < 0 || length > MAX_INTEGER_BYTES) throw this.error(`an integer of ${length} bytes`);
    const bytes = this.blob(length);
    const magnitude = bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
    return shorten(BigInt.asIntN(8 * length, magnitude));
  }

  /** An integer in decimal digits. */
  decimal(text: string): number | bigint {
    if (!/^[-+]?\d{1,308}$/.test(text)) throw this.error(`the text ${text.slice(0, 40)} where an integer belongs`);
    return shorten(BigInt(text.replace("+", "")));
  }

  error(problem: string): FormatError {
    return new FormatError(this.source, this.describe(problem));
  }

  private cutOff(problem: string): TruncatedError {
    return new TruncatedError(this.source, this.describe(problem));
  }

  private describe(problem: string): string {
    return `damaged or hostile pickle, ${problem} (near byte ${this.position})`;
  }

  private take(length: number): number {
    const start = this.position;
    if (length < 0 || start + length > this.bytes.length)
      throw this.cutOff(`it ends within an argument of ${length} bytes`);
    this.position += length;
    return start;
  }

  private decode(bytes: Uint8Array): string {
    try {
      return this.utf8.decode(bytes);
    } catch {
      throw this.error("text that is not UTF-8");
    }
  }
}

function shorten(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
