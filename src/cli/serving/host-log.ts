import type { HostEvent } from "../../server/local/host-event.js";
import type { ServerLog } from "../../server/observe/types.js";

/** Writes what a host of models does to the log, from the time when there is one. */
export class HostLog {
  #log: ServerLog | undefined;
  readonly #early: HostEvent[] = [];

  /** For `HostOptions.onEvent`. */
  readonly onEvent = (event: HostEvent): void => {
    if (this.#log) write(this.#log, event);
    else this.#early.push(event);
  };

  /** Writes to this log from now on, and what happened before. */
  to(log: ServerLog): void {
    this.#log = log;
    for (const event of this.#early.splice(0)) write(log, event);
  }
}

function write(log: ServerLog, event: HostEvent): void {
  switch (event.kind) {
    case "device-opened": {
      const { adapter, tuning, memoryBytes } = event.device;
      log.info("the device is open", { adapter: adapter.description || adapter.device, tuning, memoryBytes });
      return;
    }
    case "device-lost":
      log.warn("the device was lost; it is opened again", { reason: event.reason });
      return;
    case "model-opened":
      log.info("a model is open", { model: event.model, ms: Math.round(event.milliseconds) });
      return;
    case "model-evicted":
      log.info("a model was evicted from the GPU", { model: event.model });
      return;
    case "batch-done":
      log.info("a batch is done", { model: event.model, images: event.images, ms: Math.round(event.milliseconds) });
      return;
    case "warning":
      log.warn(event.message, { model: event.model });
      return;
    case "failure":
      log.error("generating failed", { model: event.model, error: event.error });
  }
}
