/** Byte pair encoding of one word (Sennrich et al. 2016), in n log n steps for n bytes. */
import { MinHeap } from "./min-heap.js";

export interface Merges {
  /** Rank of a pair by {@link pairKey}; the lower, the earlier it is joined. */
  readonly ranks: ReadonlyMap<number, number>;
  /** The token that the pair of rank 0 becomes; those of the others follow it by rank. */
  readonly firstToken: number;
}

const MAX_TOKENS = 2 ** 16;
const MAX_POSITIONS = 2 ** 32;
const REMOVED = -1;

export function pairKey(left: number, right: number): number {
  return left * MAX_TOKENS + right;
}

/** Joins neighbours, always every occurrence of the pair of the lowest rank from the left on, until no pair is a merge. */
export function mergeTokens(tokens: readonly number[], merges: Merges): number[] {
  const word = new Word(tokens, merges);
  // Candidates by rank, those of one rank by position.
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
    // What the joined tokens make with their neighbours counts from the next round on.
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

/** Tokens at the positions where their first bytes stand, each linked to its neighbours. */
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

  /** -1 before the first. */
  previous(position: number): number {
    return this.#previous[position]!;
  }

  /** The rank of the pair at a position and behind it, if it is one to be joined. */
  rankAt(position: number): number | undefined {
    const left = this.#tokens[position] ?? REMOVED;
    const right = this.#tokens[this.#next[position] ?? REMOVED] ?? REMOVED;
    return left === REMOVED || right === REMOVED ? undefined : this.merges.ranks.get(pairKey(left, right));
  }

  /** Joins the tokens at a position and behind it, unless the pair is no longer there. */
  join(position: number, rank: number): boolean {
    if (this.rankAt(position) !== rank) return false;
    const right = this.#next[position]!;
    const behind = this.#next[right]!;
    this.#tokens[position] = this.merges.firstToken + rank;
    this.#tokens[right] = REMOVED;
    this.#next[position] = behind;
    if (behind < this.#previous.length) this.#previous[behind] = position;
    return true;
  }
}
