import { openFile } from "#platform";
import type { FileWriter } from "../platform/file-writer.js";
import type { ByteSource } from "../platform/source.js";

/** The first bytes of a file that is being downloaded, which can be read already. */
export class ArrivedBytes {
  #path = "";
  /** While a connection is open. */
  #writer: FileWriter | undefined;
  /** While none is. */
  #file: Promise<ByteSource> | undefined;
  #closing: Promise<void> | undefined;
  #end = 0;
  #wasRead = false;
  #isWrong = false;

  constructor(
    /** Called when more can be read. */
    private readonly onMore: () => void,
  ) {}

  /** How many bytes can be read. */
  get end(): number {
    return this.#end;
  }

  /** Whether the file is known. */
  get hasBegun(): boolean {
    return this.#path !== "";
  }

  /** Whether bytes were read that are wrong. */
  get isWrong(): boolean {
    return this.#isWrong;
  }

  /** All bytes of the file so far are wrong. */
  distrust(): void {
    this.#isWrong ||= this.#wasRead;
    this.#end = 0;
  }

  /** The file at `path` has `end` bytes. Nothing writes to it yet. */
  async begin(path: string, end: number): Promise<void> {
    await this.close();
    this.#path = path;
    this.#end = end;
    this.onMore();
  }

  /** Nothing can be read until more is told. */
  forget(): void {
    this.#end = 0;
  }

  /** `writer` writes to the file from now on. */
  async writeBy(writer: FileWriter): Promise<void> {
    // At once, so that reads meanwhile do not open the file again.
    this.#writer = writer;
    await this.close();
  }

  /** The file was written up to `end`. */
  advance(end: number): void {
    const readable = Math.min(end, this.#writer?.readableBytes ?? Infinity);
    if (readable <= this.#end) return;
    this.#end = readable;
    this.onMore();
  }

  /** Closes the writer, after which all that it has written, up to `end`, can be read. Rejects with FileError. */
  async closeWriter(end: number): Promise<void> {
    const closing = this.#writer?.close();
    this.#closing = closing?.catch(() => undefined);
    this.#writer = undefined;
    await closing;
    this.advance(end);
  }

  /** Reads bytes before `end`. */
  async read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    this.#wasRead = true;
    for (;;) {
      const [writer, file] = [this.#writer, this.#writer ? undefined : this.#open()];
      try {
        return await (writer ?? (await file!)).read(offset, length);
      } catch (error) {
        // A connection was opened or closed meanwhile, and with it the file.
        if (writer === this.#writer && file === this.#file) throw error;
      }
    }
  }

  #open(): Promise<ByteSource> {
    this.#file ??= Promise.resolve(this.#closing).then(() => openFile(this.#path));
    return this.#file;
  }

  /** Closes what was opened for reads. */
  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await (await file?.catch(() => undefined))?.close();
  }
}
