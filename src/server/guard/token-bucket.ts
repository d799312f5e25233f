/** A token bucket: holds up to `capacity`, and fills evenly within `fillMs` milliseconds. */
export class TokenBucket {
  #level: number;
  #at: number;

  constructor(
    private capacity: number,
    private readonly fillMs: number,
    private readonly now: () => number,
  ) {
    this.#level = capacity;
    this.#at = now();
  }

  /** What can be taken now. */
  get left(): number {
    this.#fill();
    return Math.max(0, this.#level);
  }

  get size(): number {
    return this.capacity;
  }

  /** Milliseconds until it is full. */
  get msUntilFull(): number {
    this.#fill();
    return ((this.capacity - this.#level) / this.capacity) * this.fillMs;
  }

  /** Milliseconds until an amount can be taken. Infinity: it never can. */
  msUntil(amount: number): number {
    this.#fill();
    if (amount > this.capacity) return Infinity;
    return Math.max(0, Math.ceil(((amount - this.#level) / this.capacity) * this.fillMs));
  }

  /** Takes an amount. Returns 0, or `msUntil`; then nothing is taken. */
  take(amount: number): number {
    const wait = this.msUntil(amount);
    if (wait === 0) this.#level -= amount;
    return wait;
  }

  giveBack(amount: number): void {
    this.#fill();
    this.#level = Math.min(this.capacity, this.#level + amount);
  }

  /** Changes the capacity. What was taken stays taken. */
  resize(capacity: number): void {
    this.#fill();
    this.#level += capacity - this.capacity;
    this.capacity = capacity;
  }

  #fill(): void {
    const now = this.now();
    // A clock that was set back fills nothing.
    const elapsed = Math.max(0, now - this.#at);
    this.#level = Math.min(this.capacity, this.#level + (elapsed / this.fillMs) * this.capacity);
    this.#at = now;
  }
}
