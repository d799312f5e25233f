import { FormatError } from "../errors.js";

/** Work and memory that any file may use, and the additional amount for each of its bytes. */
const WORK = { base: 8e6, perByte: 32 } as const;
/** In words of 8 bytes. The upper limit protects processes with a small heap. */
const MEMORY = { base: 16e6, perByte: 8, most: 112e6 } as const;

/**
 * Limits the cost of reading one checkpoint. Values of a pickle may share parts, and a tree of 60 levels in 300 bytes may
 * expand to 2^60 leaves. All code that runs opcodes, walks, copies or compares such values, or converts them to text, spends
 * from the budget first. The limits grow with the file, so valid files of any length pass.
 */
export class Budget {
  #work: number;
  #memory: number;

  constructor(
    /** The file's name, for messages. */
    readonly source: string,
    /** Stored bytes that describe the file's objects. The bytes of its tensors do not count. */
    bytes: number,
  ) {
    this.#work = WORK.base + WORK.perByte * bytes;
    this.#memory = Math.min(MEMORY.most, MEMORY.base + MEMORY.perByte * bytes);
  }

  /** Counts steps of work. A step costs about as much as one opcode. Throws FormatError if the limit is exceeded. */
  spend(steps: number): void {
    this.#work -= steps;
    if (this.#work < 0)
      throw new FormatError(
        this.source,
        "its objects expand to far more than the size of the file: they contain one another many times",
      );
  }

  /** Counts words of 8 bytes that stay in memory. Throws FormatError if the limit is exceeded. */
  hold(words: number): void {
    this.#memory -= words;
    if (this.#memory < 0)
      throw new FormatError(this.source, "its objects need too much memory", {
        advice: "save only the model's state dict, without logs and datasets",
      });
  }
}
