import { excerpt } from "./excerpt.js";

/** Longest description of a problem. Names in it are cut one by one; this bounds what none of them should reach. */
const MAX_PROBLEM = 4000;

/**
 * A file whose content is not what its format promises. `source` is the file's name; nothing of it was executed. The
 * problem may repeat text of the file: control characters in it are replaced, so that none reaches a terminal.
 */
export class FormatError extends Error {
  override readonly name: string = "FormatError";

  constructor(
    readonly source: string,
    problem: string,
    options?: ErrorOptions,
  ) {
    super(`${source}: ${excerpt(problem, MAX_PROBLEM)}`, options);
  }
}

/** Content that goes on beyond the bytes at hand: the file is cut off, or too little of it was read. */
export class TruncatedError extends FormatError {}
