const STATE_SIZE = 624;
const SHIFT = 397;

/** The Mersenne Twister MT19937 (Matsumoto & Nishimura 1998): a stream of 32-bit unsigned integers. */
export class Mt19937 {
  private readonly state = new Uint32Array(STATE_SIZE);
  private position = STATE_SIZE;

  /** Computes the state from its first word, modulo 2^32. */
  constructor(firstWord: number) {
    this.state[0] = firstWord;
    for (let i = 1; i < STATE_SIZE; i++) {
      const previous = this.state[i - 1]!;
      this.state[i] = Math.imul(1812433253, previous ^ (previous >>> 30)) + i;
    }
  }

  /** Continues from the state of `other`. */
  continueFrom(other: Mt19937): void {
    this.state.set(other.state);
    this.position = other.position;
  }

  next(): number {
    if (this.position === STATE_SIZE) this.twist();
    let y = this.state[this.position++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  /** Skips `count` numbers. */
  skip(count: number): void {
    let left = count;
    while (left > STATE_SIZE - this.position) {
      left -= STATE_SIZE - this.position;
      this.twist();
    }
    this.position += left;
  }

  private twist(): void {
    const { state } = this;
    for (let i = 0; i < STATE_SIZE; i++) {
      // Faster than a remainder.
      const next = i + 1 === STATE_SIZE ? 0 : i + 1;
      const shifted = i + SHIFT >= STATE_SIZE ? i + SHIFT - STATE_SIZE : i + SHIFT;
      const mixed = (state[i]! & 0x80000000) | (state[next]! & 0x7fffffff);
      state[i] = state[shifted]! ^ (mixed >>> 1) ^ (mixed & 1 ? 0x9908b0df : 0);
    }
    this.position = 0;
  }
}
