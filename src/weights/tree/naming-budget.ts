import { FormatError } from "../errors.js";

const BASE = 8_000_000;
const MOST = 64_000_000;
const BYTES_PER_CHARACTER = 16;

/**
 * How much naming of tensors a file may ask for, in characters. A module that is a part of others in several ways has as
 * many names, so that a few bytes could ask for more names than fit in memory. Large files may ask for more.
 */
export class NamingBudget {
  #left: number;

  constructor(
    private readonly source: string,
    fileBytes: number,
  ) {
    this.#left = Math.min(BASE + fileBytes / BYTES_PER_CHARACTER, MOST);
  }

  /** Pays for a name. Throws FormatError where the budget is spent. */
  spend(characters: number): void {
    this.#left -= 1 + characters;
    if (this.#left < 0)
      throw new FormatError(
        this.source,
        "its objects hold each other in so many ways that naming their tensors takes more than its size allows; save the model's state_dict() alone",
      );
  }
}
