import { Dalle2Error } from "./dalle2-error.js";

/** Something was used after it was disposed, or was disposed while it was used. */
export class DisposedError extends Dalle2Error {
  static override readonly code = "manager/disposed";
  override readonly name = "DisposedError";

  static {
    this.register(this);
  }
}
