/** A binary heap of numbers that gives the smallest one. */
export class MinHeap {
  readonly #heap: number[] = [];

  get least(): number | undefined {
    return this.#heap[0];
  }

  add(value: number): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(value);
    for (let parent = (at - 1) >> 1; at > 0 && heap[parent]! > value; parent = (at - 1) >> 1) {
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = value;
  }

  removeLeast(): void {
    const heap = this.#heap;
    const value = heap.pop();
    if (value === undefined || heap.length === 0) return;
    let at = 0;
    for (let child = this.lesserChild(at); child < heap.length && heap[child]! < value; child = this.lesserChild(at)) {
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = value;
  }

  private lesserChild(at: number): number {
    const left = 2 * at + 1;
    return left + 1 < this.#heap.length && this.#heap[left + 1]! < this.#heap[left]! ? left + 1 : left;
  }
}
