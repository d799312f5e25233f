import { Dalle2Error } from "../../platform/dalle2-error.js";

/** Files of results cannot be kept or read. */
export class StoreError extends Dalle2Error {
  static override readonly code = "server/store";
  override readonly name = "StoreError";

  static {
    this.register(this);
  }
}
