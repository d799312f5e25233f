/** Byte pair encoding of one word (Sennrich et al. 2016), in n log n steps for n bytes. */
import { LeastFirst } from "./least-first.js";

export interface Merges {
  /** Rank of a pair by {@link pairKey}; the lower, the earlier it is joined. */
  readonly ranks: ReadonlyMap<number, number>;
  /** The token that the pair of rank 0 becomes; those of the others follow it by rank. */
  readonly firstToken: number;
}

const MOST_TOKENS = 2 ** 16;
const MOST_PLACES = 2 ** 32;
const GONE = -1;

export function pairKey(left: number, right: number): number {
  return left * MOST_TOKENS + right;
}

/** Joins neighbours, always every occurrence of the pair of the lowest rank from the left on, until no pair is a merge. */
export function mergeTokens(tokens: readonly number[], merges: Merges): number[] {
  const word = new Word(tokens, merges);
  // Candidates by rank, those of one rank by place.
  const candidates = new LeastFirst();
  const propose = (place: number) => {
    const rank = word.rankAt(place);
    if (rank !== undefined) candidates.add(rank * MOST_PLACES + place);
  };
  for (const place of tokens.keys()) propose(place);
  while (candidates.least !== undefined) {
    const rank = Math.floor(candidates.least / MOST_PLACES);
    const joined: number[] = [];
    while (isOfRank(candidates.least, rank)) {
      const place = candidates.least % MOST_PLACES;
      candidates.removeLeast();
      if (word.join(place, rank)) joined.push(place);
    }
    // What the joined tokens make with their neighbours counts from the next round on.
    for (const place of joined) {
      propose(word.previous(place));
      propose(place);
    }
  }
  return word.tokens();
}

function isOfRank(candidate: number | undefined, rank: number): candidate is number {
  return candidate !== undefined && candidate < (rank + 1) * MOST_PLACES;
}

/** Tokens at the places where their first bytes stand, each linked to its neighbours. */
class Word {
  readonly #tokens: Int32Array;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;

  constructor(
    tokens: readonly number[],
    private readonly merges: Merges,
  ) {
    this.#tokens = Int32Array.from(tokens);
    this.#next = this.#tokens.map((_, place) => place + 1);
    this.#previous = this.#tokens.map((_, place) => place - 1);
  }

  tokens(): number[] {
    return [...this.#tokens].filter((token) => token !== GONE);
  }

  /** -1 before the first. */
  previous(place: number): number {
    return this.#previous[place]!;
  }

  /** The rank of the pair at a place and behind it, if it is one to be joined. */
  rankAt(place: number): number | undefined {
    const left = this.#tokens[place] ?? GONE;
    const right = this.#tokens[this.#next[place] ?? GONE] ?? GONE;
    return left === GONE || right === GONE ? undefined : this.merges.ranks.get(pairKey(left, right));
  }

  /** Joins the tokens at a place and behind it, unless the pair is no longer there. */
  join(place: number, rank: number): boolean {
    if (this.rankAt(place) !== rank) return false;
    const right = this.#next[place]!;
    const behind = this.#next[right]!;
    this.#tokens[place] = this.merges.firstToken + rank;
    this.#tokens[right] = GONE;
    this.#next[place] = behind;
    if (behind < this.#previous.length) this.#previous[behind] = place;
    return true;
  }
}
