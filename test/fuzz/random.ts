/** Random numbers as a function of a few words: the same on every machine (Chris Doty-Humphrey's sfc32). */
export class Random {
  readonly #state: Uint32Array;

  constructor(...words: readonly (string | number)[]) {
    this.#state = Uint32Array.of(hash(words.join("\0")), hash(words.toReversed().join("\0")), 0x9e3779b9, 1);
    for (let i = 0; i < 12; i++) this.uint32();
  }

  /** From 0 to 2^32 - 1. */
  uint32(): number {
    const [a, b, c, counter] = this.#state as unknown as [number, number, number, number];
    const sum = (a + b + counter) >>> 0;
    this.#state.set([b ^ (b >>> 9), c + (c << 3), ((c << 21) | (c >>> 11)) + sum, counter + 1]);
    return sum;
  }

  /** A whole number from 0 to `end` - 1. */
  below(end: number): number {
    return Math.floor((this.uint32() / 2 ** 32) * end);
  }

  chance(probability: number): boolean {
    return this.uint32() < probability * 2 ** 32;
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)]!;
  }

  /** `count` values of `make`. */
  list<Item>(count: number, make: () => Item): Item[] {
    return Array.from({ length: count }, make);
  }

  /** A length from 0 to `most`, uniform in its logarithm, so small ones are far more frequent. */
  length(most: number): number {
    return Math.floor(Math.exp((this.uint32() / 2 ** 32) * Math.log(most + 2))) - 1;
  }
}

/** FNV-1a, finished as in MurmurHash3, so that neighbours have unrelated hashes. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}
