import type { CacheEntry } from "../files/cache.js";
import { Dalle2Error } from "../platform/dalle2-error.js";
import { DisposedError } from "../platform/disposed-error.js";
import { warnOnConsole } from "../platform/printable.js";
import { Connection } from "./connection.js";
import type { GpuDescription, ManagerDescription } from "./descriptions.js";
import { Handle, type HandleTarget } from "./handle.js";
import type { LIBRARY } from "./host/library.js";
import type { SentArguments } from "./options.js";
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
  /** Called with each warning of the client: that a worker had to be started again. Default: `console.warn`. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

type Library = typeof LIBRARY;
type LibraryArguments<Name extends keyof Library> = SentArguments<Library[Name]>;
type LibraryResult<Name extends keyof Library> = Promise<Awaited<ReturnType<Library[Name]>>>;

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
    const { worker = startWorker, onWarning = warnOnConsole } = this.#options;
    if (this.#lastEnd) onWarning(`${this.#lastEnd.message} It is started again.`);
    this.#connection = new Connection(worker, {
      onEnd: (error) => {
        this.#lastEnd = error;
        this.#connection = undefined;
      },
      onLost: (handle) => {
        this.#handles.get(handle)?.lose();
      },
    });
    return this.#connection;
  }

  async #library<Name extends keyof Library>(name: Name, args: LibraryArguments<Name>): LibraryResult<Name> {
    return (await this.#connect().call("library", [name, ...args])) as Awaited<LibraryResult<Name>>;
  }

  /** Counts the GPU memory that the models of a load config need, as `planMemory`. */
  planMemory(...[config, options]: LibraryArguments<"planMemory">): LibraryResult<"planMemory"> {
    const { gpu } = options;
    const sent = sentConfig(config);
    if (!gpu) return this.#library("planMemory", [sent, options]);
    const { adapter, features, tuning } = gpu;
    return this.#library("planMemory", [sent, { ...options, gpu: { adapter, features, tuning } }]);
  }

  /**
   * Describes a checkpoint, by what `openSource` opens: its format, model, config and tensors. Only headers are read.
   */
  inspect(...[file, options]: LibraryArguments<"inspect">): LibraryResult<"inspect"> {
    return this.#library("inspect", [sentFile(file), options]);
  }

  /** Decodes an image file, as `decodeImage`; also a `File` or `Blob`. */
  decodeImage(...args: LibraryArguments<"decodeImage">): LibraryResult<"decodeImage"> {
    return this.#library("decodeImage", args);
  }

  /** Encodes an image as a file, as `encodeImage`. */
  encodeImage(...args: LibraryArguments<"encodeImage">): LibraryResult<"encodeImage"> {
    return this.#library("encodeImage", args);
  }

  /** Reads the texts of an image file, as `readImageText`; also of a `File` or `Blob`. */
  readImageText(...args: LibraryArguments<"readImageText">): LibraryResult<"readImageText"> {
    return this.#library("readImageText", args);
  }

  /** Reads an image file without its alpha, as `loadImage`. */
  loadImage(...args: LibraryArguments<"loadImage">): LibraryResult<"loadImage"> {
    return this.#library("loadImage", args);
  }

  /** Reads an image file, as `loadRgbaImage`. */
  loadRgbaImage(...args: LibraryArguments<"loadRgbaImage">): LibraryResult<"loadRgbaImage"> {
    return this.#library("loadRgbaImage", args);
  }

  /** Resizes an image, as `resizeBicubic`. */
  resizeBicubic(...args: LibraryArguments<"resizeBicubic">): LibraryResult<"resizeBicubic"> {
    return this.#library("resizeBicubic", args);
  }

  /** Resizes an image, as `resizeLanczos`. */
  resizeLanczos(...args: LibraryArguments<"resizeLanczos">): LibraryResult<"resizeLanczos"> {
    return this.#library("resizeLanczos", args);
  }

  /** The downloads in a folder, as `listCache`. */
  listCache(...args: LibraryArguments<"listCache">): LibraryResult<"listCache"> {
    return this.#library("listCache", args);
  }

  /** Removes downloads, as `clearCache`. */
  async clearCache(folder?: string, isChosen: (entry: CacheEntry) => boolean = () => true): Promise<CacheEntry[]> {
    const chosen = (await this.listCache(folder)).filter(isChosen);
    return this.#library("clearCache", [folder, chosen.map(({ name }) => name)]);
  }

  /** Keeps a tuning table for an adapter, as `keepTuning`. */
  keepTuning(...args: LibraryArguments<"keepTuning">): LibraryResult<"keepTuning"> {
    return this.#library("keepTuning", args);
  }

  /** The tuning table that is kept for an adapter, as `readKeptTuning`. */
  readKeptTuning(...args: LibraryArguments<"readKeptTuning">): LibraryResult<"readKeptTuning"> {
    return this.#library("readKeptTuning", args);
  }

  /** Removes the tuning table that is kept for an adapter, as `forgetTuning`. */
  forgetTuning(...args: LibraryArguments<"forgetTuning">): LibraryResult<"forgetTuning"> {
    return this.#library("forgetTuning", args);
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

function disposed(): DisposedError {
  return new DisposedError("The worker client was disposed.", { code: "worker/disposed", advice: "Create another." });
}

/**
 * Creates a client of a worker that runs the library. The worker starts with the first call. `Own` has the classes of scripts that
 * a worker of your own passes to `serveWorker`.
 *
 * @example
 * const client = createWorkerClient();
 * const manager = await client.open("shapes");
 * const images = await manager.script("BasicInference").run("a red circle on a white background", { seed: 1 });
 */
export function createWorkerClient<Own extends object = LibraryScripts>(
  options: WorkerClientOptions = {},
): WorkerClient<Own> {
  return new WorkerClient<Own>(options);
}
