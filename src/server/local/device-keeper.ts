import { DeviceLostError } from "../../gpu/errors.js";
import { DisposedError } from "../../platform/disposed-error.js";
import type { ServedDevice } from "../jobs/job-runner.js";
import { ServerError } from "../server-error.js";
import type { HostDevice, OpenHostDevice } from "./host-device.js";
import type { HostEvent } from "./host-event.js";
import { ModelShelf } from "./model-shelf.js";

/** Milliseconds before each try to open a device again after it was lost: a driver may take a while. */
const WAITS = [0, 500, 2000];

/** Seconds after which a device may be there again. */
const RETRY_AFTER = 30;

/** An open device with its models. */
export interface OpenedDevice {
  readonly device: HostDevice;
  readonly shelf: ModelShelf;
}

/** Options of `DeviceKeeper`. */
export interface DeviceOptions {
  readonly openDevice: OpenHostDevice;
  readonly memoryLimit: number | undefined;
  readonly onEvent: (event: HostEvent) => void;
}

/** Keeps a device open: opens it when it is needed, and again when it was lost. */
export class DeviceKeeper {
  #opening: Promise<OpenedDevice> | undefined;
  #opened: OpenedDevice | undefined;
  #losses = 0;
  #isClosed = false;

  constructor(private readonly options: DeviceOptions) {}

  /** The open device; undefined if none is open. */
  get opened(): OpenedDevice | undefined {
    return this.#opened;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** How often a device was lost. */
  get losses(): number {
    return this.#losses;
  }

  /** Opens the device if it is not open. Rejects with `ServerError` if there is none. */
  async open(): Promise<OpenedDevice> {
    if (this.#isClosed) throw closing();
    if (this.#opened) return this.#opened;
    this.#opening ??= this.#open().finally(() => (this.#opening = undefined));
    return this.#opening;
  }

  /** Closes a device that was lost. Does nothing if that is done. */
  lose(opened: OpenedDevice, reason: string): void {
    if (this.#opened !== opened) return;
    this.#losses++;
    this.#close();
    this.options.onEvent({ kind: "device-lost", reason });
  }

  /** Disposes the device and its models. */
  close(): void {
    this.#isClosed = true;
    this.#close();
  }

  #close(): void {
    const opened = this.#opened;
    this.#opened = undefined;
    opened?.shelf.dispose();
    opened?.device.dispose();
  }

  async #open(): Promise<OpenedDevice> {
    const device = await this.#openDevice();
    if (this.#isClosed) {
      device.dispose();
      throw closing();
    }
    const { memoryLimit, onEvent } = this.options;
    const shelf = new ModelShelf(device, memoryLimit, {
      onOpen: (model, milliseconds) => {
        onEvent({ kind: "model-opened", model, milliseconds });
      },
      onEvict: (model) => {
        onEvent({ kind: "model-evicted", model });
      },
      onWarning: (model, message) => {
        onEvent({ kind: "warning", model, message });
      },
    });
    const opened = { device, shelf };
    this.#opened = opened;
    onEvent({ kind: "device-opened", device: describeDevice(device) });
    void device.lost.then((reason) => {
      this.lose(opened, reason);
    });
    return opened;
  }

  async #openDevice(): Promise<HostDevice> {
    let cause: unknown;
    // What was never there does not come by waiting.
    for (const wait of this.#losses > 0 ? WAITS : [0]) {
      await new Promise((resolve) => setTimeout(resolve, wait));
      try {
        return await this.options.openDevice();
      } catch (error) {
        cause = error;
      }
    }
    throw new ServerError("no-worker", "The server has no GPU now. Try again later.", {
      cause,
      retryAfter: RETRY_AFTER,
    });
  }
}

/** Whether an error says that the device is gone, or what was open on it. */
export function isLoss(error: unknown): boolean {
  return error instanceof DeviceLostError || error instanceof DisposedError;
}

/** The error of calls that the server does not finish because it is shut down. */
export function closing(): ServerError {
  return new ServerError("closing", "The server is shutting down. Try again later.", { retryAfter: RETRY_AFTER });
}

/** A device for callers. */
export function describeDevice({ adapter, tuning, memoryBytes, usedBytes }: HostDevice): ServedDevice {
  return { adapter, tuning, memoryBytes, usedBytes };
}
