import { checkRange, FileError } from "../platform/errors.js";
import { orAborted } from "../platform/or-aborted.js";
import type { ByteSource } from "../platform/source.js";
import { ArrivedBytes } from "./arrived-bytes.js";
import { ChangedError } from "./changed.js";
import { EarlyBlocks } from "./early-blocks.js";
import { PIECE_BYTES } from "./pieces.js";
import type { HttpOptions } from "./request.js";
import type { RunPatience } from "./retry.js";
import type { RemoteState } from "./remote-state.js";

/** What arrives of a file. */
export interface DownloadProgress {
  /** The URL without secrets. */
  readonly file: string;
  /** What has arrived. */
  readonly loadedBytes: number;
  /** Undefined if the server does not say. */
  readonly totalBytes: number | undefined;
}

type OnProgress = (progress: DownloadProgress) => void;

/** How a download is told that it is read meanwhile. */
export interface Readers {
  /** The bytes that are there already. */
  readonly arrived: ArrivedBytes;
  /** Whether the download may start again: nothing was read that is wrong. */
  mayRestart(): boolean;
  /** Lets the file in this state be read. Throws ChangedError if it was read in another one. */
  begin(state: RemoteState): void;
  /** Throws ChangedError if the complete file is another version than that which was read. */
  expect(file: { readonly size: number; readonly version?: string | undefined }): void;
}

/** A download that others can read. */
export interface Download {
  /** What messages call the file. */
  readonly name: string;
  readonly url: string;
  readonly http: HttpOptions & { readonly patience: RunPatience };
  /** Downloads what is missing. Resolves to the complete file, whose bytes are verified. */
  readonly run: (readers: Readers, signal: AbortSignal, onProgress: OnProgress) => Promise<ByteSource>;
  /** Called when it is complete, cannot be completed, or nobody reads it any more. */
  readonly onEnd: () => void;
}

/**
 * A download that is read while it goes on: what has arrived at once, and what has not as soon as it is there. What is far from
 * arriving, such as the directory at the end of a zip archive, is fetched by a request of its own. The download pauses if all calls
 * that wait for it are aborted, and goes on with the next one. It ends when nobody reads it any more.
 */
export class RunningDownload {
  readonly #readers = new Set<{ readonly onProgress: OnProgress | undefined }>();
  readonly #closed = new AbortController();
  readonly #arrived = new ArrivedBytes(() => {
    this.#tell();
  });
  #state: RemoteState | undefined;
  /** The server has another version than that whose size is known. */
  #isOutdated = false;
  #early: EarlyBlocks | undefined;
  /** The complete file. */
  #file: ByteSource | undefined;
  /** An error that does not pass. */
  #failure: unknown;
  #attempt: { readonly stop: AbortController; readonly ended: Promise<void> } | undefined;
  #waiting = 0;
  #change = new Change();

  constructor(private readonly download: Download) {}

  /** Opens the file once its size is known. */
  async open(onProgress: OnProgress | undefined, signal: AbortSignal | undefined): Promise<ByteSource> {
    const reader = { onProgress };
    this.#readers.add(reader);
    const close = (): Promise<void> => this.#leave(reader);
    try {
      const size = await this.#waitingFor(signal, () => this.#until(() => (this.#file ?? this.#state)?.size, signal));
      return new ArrivingSource(this, this.download.name, size, close);
    } catch (error) {
      await close();
      throw error;
    }
  }

  read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    return this.#waitingFor(signal, async () => {
      await this.#until(() => this.#file ?? (this.#arrived.hasBegun || undefined), signal);
      const early = this.#readEarly(offset, length);
      const bytes = early && (await orAborted(early, signal));
      return bytes ?? this.#readArrived(offset, length, signal);
    });
  }

  /** Resolves once the file is complete, and everything that was read of it is verified. */
  async complete(signal?: AbortSignal): Promise<void> {
    await this.#waitingFor(signal, () => this.#until(() => this.#file, signal));
  }

  async #readArrived(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    const end = offset + length;
    for (let attempt = 1; ; attempt++) {
      const source = await this.#until(
        () => this.#file ?? (end <= this.#arrived.end ? this.#arrived : undefined),
        signal,
      );
      try {
        return await (source === this.#arrived ? source.read(offset, length) : source.read(offset, length, signal));
      } catch (error) {
        // The file may have come to its place meanwhile, also by another process.
        if (source !== this.#arrived || attempt === ATTEMPTS || signal?.aborted) throw error;
        this.#arrived.forget();
      }
    }
  }

  /** Reads what is far from arriving. Undefined, also later, if it has to be waited for. */
  #readEarly(offset: number, length: number): Promise<Uint8Array<ArrayBuffer> | undefined> | undefined {
    if (this.#file || offset < this.#arrived.end + FAR_BYTES) return undefined;
    return this.#early?.read(offset, length, this.#closed.signal)?.catch(() => undefined);
  }

  /** Counts a call that waits for the download, which pauses if the last one is aborted. */
  async #waitingFor<Result>(signal: AbortSignal | undefined, body: () => Promise<Result>): Promise<Result> {
    this.#waiting++;
    try {
      return await body();
    } finally {
      this.#waiting--;
      if (signal?.aborted && this.#waiting === 0) this.#attempt?.stop.abort(signal.reason);
    }
  }

  /** Waits until `ready` has a value, and lets the download go on. Rejects as soon as it fails, or nobody reads it any more. */
  async #until<Value>(ready: () => Value | undefined, signal?: AbortSignal): Promise<Value> {
    for (;;) {
      signal?.throwIfAborted();
      // Calls that still wait must not begin it again.
      this.#closed.signal.throwIfAborted();
      const value = ready();
      if (value !== undefined) return value;
      if (this.#failure !== undefined) throw this.#failure as Error;
      this.#attempt ??= this.#begin();
      await orAborted(this.#change.promise, signal);
    }
  }

  #begin() {
    const stop = new AbortController();
    return { stop, ended: this.#run(stop.signal) };
  }

  async #run(signal: AbortSignal): Promise<void> {
    try {
      const file = await this.download.run(this.#asReaders(), signal, (progress) => {
        for (const onProgress of new Set([...this.#readers].map((one) => one.onProgress))) onProgress?.(progress);
      });
      await this.#accept(file);
      this.#attempt = undefined;
      this.#tell();
    } catch (error) {
      this.#attempt = undefined;
      this.#fail(error, signal);
    }
  }

  #asReaders(): Readers {
    return {
      arrived: this.#arrived,
      mayRestart: () => !this.#isOutdated && !this.#arrived.isWrong,
      begin: (state) => {
        this.#allow(state);
      },
      expect: ({ size, version }) => {
        const { url } = this.download;
        const { size: begun, version: known = version } = this.#state ?? { size };
        if (size !== begun || (version ?? known) !== known) throw new ChangedError(url);
      },
    };
  }

  #allow(state: RemoteState): void {
    const { url, http } = this.download;
    if (this.#state && (state.size !== this.#state.size || state.version !== this.#state.version)) {
      this.#isOutdated = true;
      throw new ChangedError(url);
    }
    this.#state = state;
    if (state.hasRanges) this.#early ??= new EarlyBlocks(url, state, http);
    this.#tell();
  }

  async #accept(file: ByteSource): Promise<void> {
    try {
      if (this.#state && this.#state.size !== file.size) throw new ChangedError(this.download.url);
      await this.#early?.compare(file);
    } catch (error) {
      await file.close();
      throw error;
    }
    this.#early = undefined;
    if (this.#readers.size === 0) await file.close();
    else this.#file = file;
    this.download.onEnd();
  }

  #fail(error: unknown, signal: AbortSignal): void {
    if (isLasting(error)) {
      this.#failure = error;
      this.download.onEnd();
    }
    // Calls that came after the abort begin again.
    if (signal.aborted && this.#failure === undefined) {
      this.#tell();
      return;
    }
    this.#renew().reject(error);
  }

  /** Wakes those who wait. */
  #tell(): void {
    this.#renew().resolve();
  }

  #renew() {
    const change = this.#change;
    this.#change = new Change();
    return change;
  }

  async #leave(reader: { readonly onProgress: OnProgress | undefined }): Promise<void> {
    if (!this.#readers.delete(reader) || this.#readers.size > 0) return;
    this.download.onEnd();
    this.#closed.abort();
    this.#attempt?.stop.abort();
    await this.#attempt?.ended;
    await this.#arrived.close();
    await this.#file?.close();
  }
}

/** Something that calls wait for. */
class Change {
  resolve: () => void = () => undefined;
  reject: (error: unknown) => void = () => undefined;
  readonly promise = new Promise<void>((resolve, reject) => {
    this.resolve = resolve;
    this.reject = reject;
  });

  constructor() {
    // Perhaps nobody waits: then the next call begins again.
    this.promise.catch(() => undefined);
  }
}

/** What lies so far behind the bytes that have arrived is not waited for. Weights are read up to two pieces ahead. */
const FAR_BYTES = 2 * PIECE_BYTES;
const ATTEMPTS = 3;

/** Whether the bytes that were read are wrong, so that trying again does not help. */
function isLasting(error: unknown): boolean {
  return error instanceof FileError && (error instanceof ChangedError || error.code === "file/checksum");
}

/** A file that is being downloaded. */
class ArrivingSource implements ByteSource {
  constructor(
    private readonly download: RunningDownload,
    readonly name: string,
    readonly size: number,
    private readonly leave: () => Promise<void>,
  ) {}

  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    signal?.throwIfAborted();
    checkRange(this.name, this.size, offset, length);
    return this.download.read(offset, length, signal);
  }

  complete(signal?: AbortSignal): Promise<void> {
    return this.download.complete(signal);
  }

  close(): Promise<void> {
    return this.leave();
  }
}
