import { FormatError } from "../errors.js";

/** Work and memory that any file may take, however small, and what each of its bytes adds. */
const WORK = { base: 8e6, perByte: 32 } as const;
/** In words of 8 bytes. What no file may exceed keeps a process with a small heap alive. */
const MEMORY = { base: 16e6, perByte: 8, most: 112e6 } as const;

/**
 * What the reading of one checkpoint may cost. The values of a pickle may share parts, and a tree of 60 levels in 300
 * bytes may stand for 2^60 leaves: whatever runs opcodes, walks, copies or compares such values, or turns them into text,
 * spends here first. The limits grow with what is read, so that an honest file of any length passes.
 */
export class Budget {
  #work: number;
  #memory: number;

  constructor(
    /** The file's name, for messages. */
    readonly source: string,
    /** Bytes of the file that describe its objects, as they lie on the disk: what its tensors take buys no work. */
    bytes: number,
  ) {
    this.#work = WORK.base + WORK.perByte * bytes;
    this.#memory = Math.min(MEMORY.most, MEMORY.base + MEMORY.perByte * bytes);
  }

  /** Counts steps of work, each of about the cost of one opcode. Throws FormatError once the file has had its share. */
  spend(steps: number): void {
    this.#work -= steps;
    if (this.#work < 0)
      throw new FormatError(
        this.source,
        "its objects unfold to more than a file of its size can hold: they are nested in one another again and again",
      );
  }

  /** Counts words of 8 bytes that stay in memory. Throws FormatError once they are more than any checkpoint needs. */
  hold(words: number): void {
    this.#memory -= words;
    if (this.#memory < 0)
      throw new FormatError(this.source, "its objects take too much memory", {
        advice: "save the model's state dict alone, without logs and datasets",
      });
  }
}
