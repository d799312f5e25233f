import { Dalle2Error } from "../platform/dalle2-error.js";

/** A package that this feature of the server needs is not installed. */
export class MissingPackageError extends Dalle2Error {
  static override readonly code = "server/missing-package";
  override readonly name = "MissingPackageError";

  static {
    this.register(this);
  }
}

/**
 * Loads an optional package. Rejects with `MissingPackageError` if it is not installed. `purpose` says what needs it: "results in a
 * bucket".
 */
export async function loadPackage<Module>(name: string, purpose: string, load: () => Promise<Module>): Promise<Module> {
  try {
    return await load();
  } catch (cause) {
    if (!isNotFound(cause)) throw cause;
    const advice = `install it: npm install ${name}`;
    throw new MissingPackageError(`The package ${name} is missing: ${purpose} needs it.`, { cause, advice });
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND";
}
