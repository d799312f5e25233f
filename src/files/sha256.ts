const BLOCK_BYTES = 64;

type State = [number, number, number, number, number, number, number, number];

function rotate(word: number, bits: number): number {
  return (word >>> bits) | (word << (32 - bits));
}

const PRIMES = firstPrimes(64);
/** First 32 bits of the fractions of the cube roots of the first 64 primes, and of the square roots of the first 8. */
const CONSTANTS = Int32Array.from(PRIMES, (prime) => fraction(Math.cbrt(prime)));
const INITIAL = Int32Array.from(PRIMES.slice(0, 8), (prime) => fraction(Math.sqrt(prime)));

function fraction(value: number): number {
  return Math.floor((value % 1) * 2 ** 32) | 0;
}

function firstPrimes(count: number): number[] {
  const primes: number[] = [];
  for (let n = 2; primes.length < count; n++) if (primes.every((prime) => n % prime !== 0)) primes.push(n);
  return primes;
}

/** SHA-256 (FIPS 180-4) of bytes that come in parts: Web Crypto only hashes what is in memory as a whole. */
export class Sha256 {
  readonly #state = Int32Array.from(INITIAL);
  readonly #words = new Int32Array(64);
  readonly #block = new Uint8Array(BLOCK_BYTES);
  #length = 0;

  update(bytes: Uint8Array): void {
    let read = 0;
    while (read < bytes.length) {
      const filled = this.#length % BLOCK_BYTES;
      const part = bytes.subarray(read, read + BLOCK_BYTES - filled);
      this.#block.set(part, filled);
      this.#length += part.length;
      read += part.length;
      if (this.#length % BLOCK_BYTES === 0) this.#compress();
    }
  }

  /** The digest in lower-case hexadecimal. Nothing can be added after it. */
  digest(): string {
    const bits = BigInt(this.#length) * 8n;
    const zeros = (2 * BLOCK_BYTES - 9 - (this.#length % BLOCK_BYTES)) % BLOCK_BYTES;
    const padding = new Uint8Array(1 + zeros + 8);
    padding[0] = 0x80;
    new DataView(padding.buffer).setBigUint64(1 + zeros, bits);
    this.update(padding);
    return Array.from(this.#state, (word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
  }

  #compress(): void {
    const w = this.#words;
    const view = new DataView(this.#block.buffer);
    for (let i = 0; i < 16; i++) w[i] = view.getInt32(4 * i);
    for (let i = 16; i < 64; i++) {
      const a = w[i - 15]!;
      const b = w[i - 2]!;
      const s0 = rotate(a, 7) ^ rotate(a, 18) ^ (a >>> 3);
      const s1 = rotate(b, 17) ^ rotate(b, 19) ^ (b >>> 10);
      w[i] = (w[i - 16]! + s0 + w[i - 7]! + s1) | 0;
    }
    const k = CONSTANTS;
    const state = this.#state;
    let [a, b, c, d, e, f, g, h] = state as unknown as State;
    for (let i = 0; i < 64; i++) {
      const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
      const t1 = (((h + s1) | 0) + ((e & f) ^ (~e & g)) + ((k[i]! + w[i]!) | 0)) | 0;
      const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + t1) | 0;
      d = c;
      c = b;
      b = a;
      a = (t1 + t2) | 0;
    }
    [a, b, c, d, e, f, g, h].forEach((word, i) => (state[i]! += word));
  }
}
