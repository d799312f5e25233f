import { FileError } from "../platform/errors.js";

/** The file changed since its download began: on the server, or what an earlier run had downloaded of it. */
export class ChangedError extends FileError {
  static override readonly code = "file/changed";
  override readonly name = "ChangedError";

  static {
    this.register(this);
  }

  constructor(url: string, problem = "the file changed on the server while it was downloaded") {
    super(url, problem, { advice: "load the models again" });
  }
}

const ROUNDS = 4;

/** Starts again if the file changed during the download, as long as `mayRestart`. */
export async function restartOnChange<Result>(
  body: () => Promise<Result>,
  mayRestart: () => boolean = () => true,
): Promise<Result> {
  for (let round = 1; ; round++) {
    try {
      return await body();
    } catch (error) {
      if (!(error instanceof ChangedError) || round === ROUNDS || !mayRestart()) throw error;
    }
  }
}
