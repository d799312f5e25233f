import { DisposedError } from "../platform/disposed-error.js";
import type { ErrorCode } from "../platform/error-codes.js";
import { Dalle2Error } from "../platform/dalle2-error.js";
import type { Connection } from "./connection.js";

/** What handles need of their client. */
export interface HandleOwner {
  /** The connection to the worker, which is started if it is not running. Throws `WorkerError` and `DisposedError`. */
  connect(): Connection;
  /** A handle was disposed. */
  onDispose(id: number): void;
}

/** What a handle stands for. */
export interface HandleTarget<Description> {
  /** How messages begin: "The model manager". */
  readonly name: string;
  /** Code of the error of a handle that was disposed. */
  readonly disposedCode: Extract<ErrorCode, "manager/disposed" | "device/disposed">;
  /** What it is opened on, if that is a handle too. */
  readonly parent?: Handle<unknown> | undefined;
  /** Opens it in a worker. `keep` gets what is to be called when the worker does not use the functions of its options any more. */
  open(connection: Connection, keep: (release: () => void) => void): Promise<Description>;
}

/** A time that something is open in a worker. */
interface Opening<Description> {
  readonly connection: Connection;
  /** Which opening of the parent it is on. */
  readonly parent: object | undefined;
  readonly description: Promise<Description>;
  /** Called when it is closed. */
  release: () => void;
}

/**
 * Something that is open in the worker: a model manager or a device. It knows how it was opened. After the worker has crashed, or
 * the device was lost, the next call opens it again.
 */
export class Handle<Description> {
  #opening: Opening<Description> | undefined;
  #description: Description | undefined;
  #isDisposed = false;

  constructor(
    private readonly owner: HandleOwner,
    readonly id: number,
    private readonly target: HandleTarget<Description>,
  ) {}

  /** Describes it, as it was last opened. */
  get description(): Description {
    return this.#description!;
  }

  /** Opens it, if it is not open. Returns the connection to its worker. */
  async open(): Promise<Connection> {
    this.#check();
    const { parent } = this.target;
    const connection = (await parent?.open()) ?? this.owner.connect();
    const opening = this.#isOpenIn(connection) ? this.#opening! : this.#openIn(connection);
    const description = await opening.description;
    this.#check();
    this.#description = description;
    return connection;
  }

  get #openingOfParent(): object | undefined {
    const { parent } = this.target;
    return parent && parent.#opening;
  }

  #isOpenIn(connection: Connection): boolean {
    const opening = this.#opening;
    return opening?.connection === connection && opening.parent === this.#openingOfParent;
  }

  #openIn(connection: Connection): Opening<Description> {
    this.forget();
    const keep = (release: () => void): void => {
      if (this.#opening === opening) opening.release = release;
      else release();
    };
    const opening: Opening<Description> = {
      connection,
      parent: this.#openingOfParent,
      description: this.target.open(connection, keep),
      release: () => undefined,
    };
    this.#opening = opening;
    opening.description.catch(() => {
      if (this.#opening === opening) this.#opening = undefined;
    });
    return opening;
  }

  /** Calls a method of the worker for it. */
  async call(method: string, args: readonly unknown[]): Promise<unknown> {
    const connection = await this.open();
    const opening = this.#opening;
    try {
      return await connection.call(method, [this.id, ...args]);
    } catch (error) {
      const isLost = error instanceof Dalle2Error && error.code === "gpu/device-lost";
      if (isLost && this.#opening === opening) this.lose();
      throw error;
    }
  }

  /** Its device was lost. */
  lose(): void {
    this.forget();
    this.target.parent?.lose();
  }

  /** It is not open any more. */
  forget(): void {
    this.#opening?.release();
    this.#opening = undefined;
  }

  /** Closes it in the worker. Running and later calls reject with `DisposedError`. */
  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.owner.onDispose(this.id);
    const opening = this.#opening;
    this.forget();
    // If it failed to open, or its worker has ended, there is nothing to close.
    opening?.description.then(() => opening.connection.call("close", [this.id])).catch(() => undefined);
  }

  #check(): void {
    if (!this.#isDisposed) return;
    const code = this.target.disposedCode;
    throw new DisposedError(`${this.target.name} was disposed.`, { code, advice: "Create another." });
  }
}
