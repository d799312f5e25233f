import { FileError } from "./errors.js";

/**
 * Loads a part of this package that is not needed at once. In a page this is a request, which can fail: rejects with
 * `FileError`.
 */
export async function loadPart<Module>(name: string, load: () => Promise<Module>): Promise<Module> {
  try {
    return await load();
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new FileError(name, `this part of dalle2-webgpu could not be loaded: ${message}`, {
      cause,
      advice: "check the connection, and that all files of the package are from one version; then reload the page",
    });
  }
}
