/** The command line asks for something that cannot be done as written; the process exits with status 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
