/** Byte pair encoding of one word (Sennrich et al. 2016), in O(n log n) for n bytes. */
import { MinHeap } from "./min-heap.js";

export interface Merges {
  /** Rank of a pair by {@link pairKey}. Pairs with a lower rank are joined first. */
  readonly ranks: ReadonlyMap<number, number>;
  /** The token of each pair, by its rank. Two pairs may make the same token. */
  readonly joined: ArrayLike<number>;
}

const MAX_TOKENS = 2 ** 16;
const MAX_POSITIONS = 2 ** 32;
const REMOVED = -1;

export function pairKey(left: number, right: number): number {
  return left * MAX_TOKENS + right;
}

/**
 * Joins neighbouring tokens until no pair is a merge. Each round joins all occurrences of the pair with the lowest
 * rank, from left to right.
 */
export function mergeTokens(tokens: readonly number[], merges: Merges): number[] {
  const word = new Word(tokens, merges);
  // Candidates by rank; those with the same rank by position.
  const candidates = new MinHeap();
  const propose = (position: number) => {
    const rank = word.rankAt(position);
    if (rank !== undefined) candidates.add(rank * MAX_POSITIONS + position);
  };
  for (const position of tokens.keys()) propose(position);
  while (candidates.least !== undefined) {
    const rank = Math.floor(candidates.least / MAX_POSITIONS);
    const joined: number[] = [];
    while (isOfRank(candidates.least, rank)) {
      const position = candidates.least % MAX_POSITIONS;
      candidates.removeLeast();
      if (word.join(position, rank)) joined.push(position);
    }
    // Pairs with the joined tokens are candidates for the next round.
    for (const position of joined) {
      propose(word.previous(position));
      propose(position);
    }
  }
  return word.tokens();
}

function isOfRank(candidate: number | undefined, rank: number): candidate is number {
  return candidate !== undefined && candidate < (rank + 1) * MAX_POSITIONS;
}

/** Tokens at the positions of their first bytes, each linked to its neighbours. */
class Word {
  readonly #tokens: Int32Array;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;

  constructor(
    tokens: readonly number[],
    private readonly merges: Merges,
  ) {
    this.#tokens = Int32Array.from(tokens);
    this.#next = this.#tokens.map((_, position) => position + 1);
    this.#previous = this.#tokens.map((_, position) => position - 1);
  }

  tokens(): number[] {
    return [...this.#tokens].filter((token) => token !== REMOVED);
  }

  /** Returns the position of the previous token, or -1. */
  previous(position: number): number {
    return this.#previous[position]!;
  }

  /** Returns the rank of the pair that begins at a position; undefined if it is not a merge. */
  rankAt(position: number): number | undefined {
    const left = this.#tokens[position] ?? REMOVED;
    const right = this.#tokens[this.#next[position] ?? REMOVED] ?? REMOVED;
    return left === REMOVED || right === REMOVED ? undefined : this.merges.ranks.get(pairKey(left, right));
  }

  /** Joins the pair that begins at a position. Returns false if the pair no longer exists. */
  join(position: number, rank: number): boolean {
    if (this.rankAt(position) !== rank) return false;
    const right = this.#next[position]!;
    const behind = this.#next[right]!;
    this.#tokens[position] = this.merges.joined[rank]!;
    this.#tokens[right] = REMOVED;
    this.#next[position] = behind;
    if (behind < this.#previous.length) this.#previous[behind] = position;
    return true;
  }
}
