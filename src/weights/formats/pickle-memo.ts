/** Python numbers memo entries without gaps. */
const MAX_SPARSE_MEMO = 1_000_000;

/** The memo of a pickle: values by number. The numbers are consecutive except in damaged or unusual files. */
export class Memo {
  private readonly dense: unknown[] = [];
  private readonly sparse = new Map<number, unknown>();

  /** Number of entries, which is the next number for MEMOIZE. */
  get size(): number {
    return this.dense.length + this.sparse.size;
  }

  has(index: number): boolean {
    return index < this.dense.length ? index >= 0 : this.sparse.has(index);
  }

  get(index: number): unknown {
    return index < this.dense.length ? this.dense[index] : this.sparse.get(index);
  }

  /** False if the number is not valid. */
  set(index: number, value: unknown): boolean {
    if (!(Number.isSafeInteger(index) && index >= 0)) return false;
    if (index < this.dense.length) this.dense[index] = value;
    else if (index === this.dense.length && !this.sparse.has(index)) this.dense.push(value);
    else if (this.sparse.size < MAX_SPARSE_MEMO) this.sparse.set(index, value);
    else return false;
    return true;
  }
}
