import { Dalle2Error, type Dalle2ErrorOptions } from "./dalle2-error.js";
import type { CodeOf } from "./error-codes.js";

/** Something was used after it was disposed, or was disposed while it was used. */
export class DisposedError extends Dalle2Error {
  static override readonly code = "manager/disposed";
  override readonly name = "DisposedError";

  static {
    this.register(this);
  }

  constructor(message: string, options: Omit<Dalle2ErrorOptions, "code"> & { readonly code: CodeOf<"DisposedError"> }) {
    super(message, options);
  }
}
