import { askPersistence } from "#platform";
import type { CacheEntry } from "../files/cache.js";
import type { GivenFile, GivenPath } from "../files/folder/given-folder.js";
import { tellIfRefused } from "../files/persistence.js";
import type { StorageState } from "../files/storage-state.js";
import type { AdapterDescription } from "../gpu/adapter.js";
import type { TuningTable } from "../gpu/tuning.js";
import type { EncodeOptions } from "../image/encode.js";
import type { Image, RgbImage } from "../image/image.js";
import type { Inspection } from "../models/inspection.js";
import type { MemoryPlan, MemoryPlanOptions } from "../pipeline/manager/memory-plan.js";
import type { GeneratedImage } from "../pipeline/generated-image.js";
import type { RecordedImage, RecordingOptions } from "../pipeline/records/image-record.js";
import { checkArguments, timeLimit } from "../platform/arguments.js";
import { Dalle2Error } from "../platform/dalle2-error.js";
import { DisposedError } from "../platform/disposed-error.js";
import type { DecodedImage } from "../platform/image-types.js";
import { warnOnConsole } from "../platform/printable.js";
import type { CheckpointOptions } from "../weights/checkpoint.js";
import { Connection } from "./connection.js";
import type { GpuDescription, ManagerDescription } from "./descriptions.js";
import { Handle, type HandleTarget } from "./handle.js";
import type { LIBRARY } from "./host/library.js";
import type { Sent, SentArguments } from "./options.js";
import { sentConfig, sentFile, type RemoteConfig } from "./remote-config.js";
import { RemoteGpu } from "./remote-gpu.js";
import { RemoteManager } from "./remote-manager.js";
import type { RemoteGpuOptions, RemoteManagerOptions } from "./remote-options.js";
import type { LibraryScripts } from "./scripts.js";
import { startWorker } from "./start.js";
import type { WorkerLike } from "./worker-like.js";

/** Options of `createWorkerClient`. */
export interface WorkerClientOptions {
  /**
   * Starts the worker. Default: a module worker of `browser-worker.js` beside the library's own file, from any origin. Needed if
   * a bundler moves the library without its workers, and for a worker of your own that calls `serveWorker`.
   */
  readonly worker?: (() => WorkerLike) | undefined;
  /**
   * Milliseconds until a worker that has not answered at all is given up, with `WorkerError`; Infinity for never. They begin when
   * the worker starts, so its script is fetched in them; calls of a worker that has answered may take any time. Default 120 000.
   */
  readonly startTimeout?: number | undefined;
  /**
   * Called with each warning of the client: that a worker had to be started again, or that the browser may remove downloads.
   * Default: `console.warn`.
   */
  readonly onWarning?: ((message: string) => void) | undefined;
}

/** The worker of the package, half a megabyte, is there in time at 4 kB a second. */
const START_TIMEOUT = 120_000;

type Library = typeof LIBRARY;

/** Options of `WorkerClient.inspect`: those of `openCheckpoint`. Shards are read beside their index. */
export type InspectOptions = Omit<CheckpointOptions, "openShard">;

/**
 * The library in a worker: the page stays free, and calls read as in the page. The worker starts with the first call. If it
 * crashes, pending calls reject with `WorkerError`, and the next call starts it again. Errors are instances of their classes.
 * Files, blobs and handles of files and folders are passed as they are. Disposable.
 */
export class WorkerClient<Own extends object = LibraryScripts> {
  readonly #options: WorkerClientOptions;
  readonly #handles = new Map<number, Handle<unknown>>();
  #connection: Connection | undefined;
  /** Why the last worker ended. */
  #lastEnd: Dalle2Error | undefined;
  #isDisposed = false;
  #nextHandle = 1;

  /** @internal */
  constructor(options: WorkerClientOptions) {
    this.#options = options;
  }

  /**
   * Opens the models of a load config, as `DalleModelManager.create`. Default: `shapes`, the included model. Rejects as it
   * does, and with `WorkerError`.
   *
   * @example
   * const manager = await client.open("shapes", { onProgress: ({ loadedBytes }) => show(loadedBytes) });
   */
  async open(config: RemoteConfig = "shapes", options: RemoteManagerOptions = {}): Promise<RemoteManager<Own>> {
    const { gpu, ...others } = options;
    const content = sentConfig(config);
    const parent = gpu && RemoteGpu.handleOf(gpu);
    const handle: Handle<ManagerDescription> = this.#handle({
      name: "The model manager",
      disposedCode: "manager/disposed",
      parent,
      open: (connection, keep) =>
        connection.call("openManager", [handle.id, content, others, parent?.id], {
          keep,
        }) as Promise<ManagerDescription>,
    });
    await opened(handle);
    return new RemoteManager<Own>(handle, gpu);
  }

  /** Opens a device, as `openGpu`, to describe it or to share it between model managers. */
  async openGpu(options: RemoteGpuOptions = {}): Promise<RemoteGpu> {
    const handle: Handle<GpuDescription> = this.#handle({
      name: "The GPU device",
      disposedCode: "device/disposed",
      open: (connection, keep) => connection.call("openGpu", [handle.id, options], { keep }) as Promise<GpuDescription>,
    });
    await opened(handle);
    return new RemoteGpu(handle, () => handle.description);
  }

  #handle<Description>(target: HandleTarget<Description>): Handle<Description> {
    const id = this.#nextHandle++;
    const owner = { connect: () => this.#connect(), onDispose: () => this.#handles.delete(id) };
    const handle = new Handle(owner, id, target);
    this.#handles.set(id, handle);
    return handle;
  }

  #connect(): Connection {
    if (this.#isDisposed) throw disposed();
    if (this.#connection) return this.#connection;
    const { worker = startWorker, startTimeout = START_TIMEOUT, onWarning = warnOnConsole } = this.#options;
    if (this.#lastEnd) onWarning(`${this.#lastEnd.message} It is started again.`);
    this.#connection = new Connection(worker, {
      startTimeout,
      onEnd: (error) => {
        this.#lastEnd = error;
        this.#connection = undefined;
      },
      onLost: (handle) => {
        this.#handles.get(handle)?.lose();
      },
      onPersist: () => {
        const answer = askPersistence();
        if (answer) tellIfRefused(answer, onWarning);
      },
    });
    return this.#connection;
  }

  async #library<Name extends keyof Library>(
    name: Name,
    ...args: SentArguments<Library[Name]>
  ): Promise<Awaited<ReturnType<Library[Name]>>> {
    return (await this.#connect().call("library", [name, ...args])) as Awaited<ReturnType<Library[Name]>>;
  }

  /** Counts the GPU memory that the models of a load config need, as `planMemory`. */
  planMemory(config: RemoteConfig, options: Sent<MemoryPlanOptions>): Promise<MemoryPlan> {
    const { gpu } = options;
    const sent = sentConfig(config);
    if (!gpu) return this.#library("planMemory", sent, options);
    const { adapter, features, tuning } = gpu;
    return this.#library("planMemory", sent, { ...options, gpu: { adapter, features, tuning } });
  }

  /**
   * Describes a checkpoint, by what `openSource` opens: its format, model, config and tensors. Only headers are read; a server without
   * range requests sends the whole file.
   */
  inspect(file: string | GivenFile | GivenPath, options?: InspectOptions): Promise<Inspection> {
    return this.#library("inspect", sentFile(file), options);
  }

  /** Decodes an image file, as `decodeImage`. */
  decodeImage(file: Uint8Array | Blob): Promise<DecodedImage> {
    return this.#library("decodeImage", file);
  }

  /** Encodes an image as a file, as `encodeImage`. */
  encodeImage(image: Image, options?: EncodeOptions): Promise<Uint8Array<ArrayBuffer>> {
    return this.#library("encodeImage", image, options);
  }

  /** Encodes a generated image with its record, as `encodeRecorded`. `RemoteManager.generatedOn` describes its models. */
  encodeRecorded(image: GeneratedImage, options: RecordingOptions): Promise<Uint8Array<ArrayBuffer>> {
    return this.#library("encodeRecorded", image, options);
  }

  /** Reads the record of an image file, as `readImageRecord`. Default of `name`: that of the file. */
  readImageRecord(file: Uint8Array | Blob, name = nameOf(file)): Promise<RecordedImage> {
    return this.#library("readImageRecord", file, name);
  }

  /** Reads the texts of an image file, as `readImageText`. */
  readImageText(file: Uint8Array | Blob): Promise<ReadonlyMap<string, string>> {
    return this.#library("readImageText", file);
  }

  /** Reads an image file without its alpha, as `loadImage`. */
  loadImage(path: string): Promise<RgbImage> {
    return this.#library("loadImage", path);
  }

  /** Reads an image file, as `loadRgbaImage`. */
  loadRgbaImage(path: string): Promise<DecodedImage> {
    return this.#library("loadRgbaImage", path);
  }

  /**
   * Resizes an image, as `resizeBicubic`.
   * @typeParam I - With or without alpha.
   */
  async resizeBicubic<I extends Image>(image: I, width: number, height: number): Promise<I> {
    return (await this.#library("resizeBicubic", image, width, height)) as I;
  }

  /**
   * Resizes an image, as `resizeLanczos`.
   * @typeParam I - With or without alpha.
   */
  async resizeLanczos<I extends Image>(image: I, width: number, height: number): Promise<I> {
    return (await this.#library("resizeLanczos", image, width, height)) as I;
  }

  /** The downloads in a folder, as `listCache`. */
  listCache(folder?: string): Promise<CacheEntry[]> {
    return this.#library("listCache", folder);
  }

  /** Removes the downloads that `isChosen` picks, as `clearCache`. */
  async clearCache(folder?: string, isChosen: (entry: CacheEntry) => boolean = () => true): Promise<CacheEntry[]> {
    const chosen = (await this.listCache(folder)).filter(isChosen);
    return this.#library(
      "clearCache",
      folder,
      chosen.map(({ name }) => name),
    );
  }

  /** What is stored and how much more can be, as `storageState`. */
  storageState(folder?: string): Promise<StorageState> {
    return this.#library("storageState", folder);
  }

  /** Keeps a tuning table for an adapter, as `keepTuning`. Measure one by `RemoteGpu.tune`. */
  keepTuning(adapter: AdapterDescription, table: TuningTable): Promise<string> {
    return this.#library("keepTuning", adapter, table);
  }

  /** The tuning table that is kept for an adapter, as `readKeptTuning`. */
  readKeptTuning(adapter: AdapterDescription): Promise<TuningTable | undefined> {
    return this.#library("readKeptTuning", adapter);
  }

  /** Removes the tuning table that is kept for an adapter, as `forgetTuning`. */
  forgetTuning(adapter: AdapterDescription): Promise<boolean> {
    return this.#library("forgetTuning", adapter);
  }

  /** Ends the worker. Running and later calls reject with `DisposedError`. */
  dispose(): void {
    this.#isDisposed = true;
    this.#connection?.end(disposed());
  }

  /** The same as `dispose`, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Opens a handle for the first time. If that fails, nobody has it. */
async function opened(handle: Handle<unknown>): Promise<void> {
  try {
    await handle.open();
  } catch (error) {
    handle.dispose();
    throw error;
  }
}

function nameOf(file: Uint8Array | Blob): string {
  return "name" in file && typeof file.name === "string" ? file.name : "the image";
}

function disposed(): DisposedError {
  return new DisposedError("The worker client was disposed.", { code: "worker/disposed", advice: "Create another." });
}

/**
 * Creates a client of a worker that runs the library. The worker starts with the first call. `Own` has the classes of scripts that
 * a worker of your own passes to `serveWorker`. Throws `ArgumentError`.
 *
 * @example
 * const client = createWorkerClient();
 * const manager = await client.open("shapes");
 * const images = await manager.script("BasicInference").run("a red circle on a white background", { seed: 1 });
 */
export function createWorkerClient<Own extends object = LibraryScripts>(
  options: WorkerClientOptions = {},
): WorkerClient<Own> {
  checkArguments({ startTimeout: timeLimit }, options);
  return new WorkerClient<Own>(options);
}
