import { printable, shortened } from "./printable.js";
import { hideSecrets, safeOptions } from "./secrets.js";

/** Where a message does not end by itself. A list of all misshapen tensors of a model is longer, and meant to be read. */
const MAX_MESSAGE = 1_000_000;

/**
 * Base of the library's errors that repeat what files, servers or people wrote. Whatever a message is made of, no secret
 * stands in it or in its causes, and nothing that steers a terminal.
 */
export class Dalle2Error extends Error {
  override readonly name: string = "Dalle2Error";

  constructor(message: string, options?: ErrorOptions) {
    super(printable(hideSecrets(shortened(message, MAX_MESSAGE))), safeOptions(options));
  }
}
