/**
 * Whether a text looks garbled: ftfy 6's judgement ("badness") of neighbours that hardly occur in text as it was written,
 * over the few hundred characters that UTF-8 becomes in the encodings of code-pages.ts.
 */
import { Draft, type Mark, type Watch } from "./draft.js";
import type { Span } from "./edit.js";

// By how likely a character stands for itself, and beside which others.
const C1 = "\\x80-\\x9f";
const COMMON = "\\xa0\\xad·´–—―…’";
const BAD = "¦¤¨¬¯¸ƒˆˇ˘˛˜†‡‰⌐◊\\ufffdªº";
const LAW = "¶§";
const CURRENCY = "¢£¥₧€";
const OPENING = "¡«¿©΄΅‘‚“„•‹\\uf8ff";
const CLOSING = "®»˝”›™";
const NUMERIC = "²³¹±¼½¾×µ÷⁄∂∆∏∑√∞∩∫≈≠≡≤≥№";
const UPPER = "À-ÑØÜÝĀĂĄĆČĎĐĒĖĘĚĞĢĪİĶĹĻĽŁŃŅŇŒŘŚŞŠŢŤŮŰŸŹŻŽҐ";
const LOWER = "ßà-ñüāăąćčďđēėęěğģīįķĺļľłœŕśşšťźżžґﬁﬂ";
const UPPER_ELSEWHERE = "ÞΆΈΉΊΌΎΏΑ-ΫЁ-Я";
const LOWER_ELSEWHERE = "άέήίΰα-ωа-џ";
const FACES = "°Ò-ÖÙ-Üò-öø-üŌŐŪŲ"; // letters of emoticons
const BOX = "│┌┐┘├┤┬┼═-╬▀▄█▌▐░▒▓";

// Python's \s, which has the separators U+001C to U+001F and not U+FEFF.
const SPACE = "[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";
const ARABIC_LEAD = `[ØÙ][${COMMON}${CURRENCY}${BAD}${NUMERIC}${OPENING}ŸŠ®°µ»]`;

const GARBLED = [
  `[${C1}]`,
  `[${BAD}${LOWER}${UPPER}${BOX}${OPENING}${CLOSING}${CURRENCY}${NUMERIC}${LAW}][${BAD}]`,
  `[a-zA-Z][${LOWER_ELSEWHERE}${UPPER_ELSEWHERE}][${BAD}]`,
  `[${BAD}][${LOWER}${UPPER}${BOX}${OPENING}${CLOSING}${CURRENCY}${NUMERIC}${LAW}]`,
  `[${LOWER}${LOWER_ELSEWHERE}${BOX}${CLOSING}${CURRENCY}${NUMERIC}][${UPPER}]`,
  `[${BOX}${CLOSING}${CURRENCY}${NUMERIC}][${LOWER}]`,
  `[${LOWER}${BOX}${CLOSING}][${CURRENCY}]`,
  `${SPACE}[${UPPER}][${CURRENCY}]`,
  `[${UPPER}${BOX}][${NUMERIC}${LAW}]`,
  `[${LOWER}${UPPER}${BOX}${CURRENCY}${CLOSING}][${OPENING}][${NUMERIC}]`,
  `[${LOWER}${UPPER}${CURRENCY}${NUMERIC}${BOX}${LAW}][${CLOSING}][${OPENING}]`,
  `[${CURRENCY}${NUMERIC}${BOX}][${OPENING}]`,
  `[a-z][${UPPER}][${OPENING}${CURRENCY}]`,
  `[${BOX}][${FACES}]`,
  `[${LOWER}${UPPER}${CURRENCY}${NUMERIC}${OPENING}${CLOSING}${LAW}][${BOX}]`,
  `[${BOX}][${CLOSING}]`,
  `[${LOWER}${UPPER}][${OPENING}${CLOSING}][\\p{L}\\p{N}_]`,
  `[Œœ][^A-Za-z]`,
  `[${UPPER}]°`,
  // Windows-1252
  `[ÂÃÎÐ][€œŠš¢£Ÿž\\xa0\\xad®©°·»${OPENING}${CLOSING}–—´]`,
  `×[²³]`,
  `${ARABIC_LEAD}${ARABIC_LEAD}`,
  `à[²µ¹¼½¾]`,
  `Ã[\\xa0¡]`,
  `[a-z]${SPACE}?[ÃÂ][ ]`,
  `[a-z.,?!${CLOSING}]Â[ ${OPENING}${CLOSING}]`,
  // MacRoman
  `√[±∂†≠®™´≤≥¥µø]`,
  `≈[°¢]`,
  `‚Ä[ìîïòôúùû†°¢π]`,
  `‚[âó][àä°ê]`,
  // Windows-1251
  `вЂ`,
  `[ВГРС][${C1}${BAD}${OPENING}${CLOSING}${CURRENCY}°µ][ВГРС]`,
  `ГўВЂВ[^\\n][A-Za-z ]`,
  // Windows-1253
  `β€[™\\xa0Ά\\xad®°]`,
  `[ΒΓΞΟ][${C1}${BAD}${OPENING}${CLOSING}${CURRENCY}°][ΒΓΞΟ]`,
  // Windows-1257
  `ā€`,
].join("|");

const LONGEST = 8; // characters of the longest of these, and one more
const AT_START = /^[ÃÂ] /;
let pattern: RegExp | undefined;

/** Where the first garbled characters of a part of a text are. */
function searchGarbled(text: string): Span | undefined {
  // Made at first use: most prompts never need it.
  pattern ??= new RegExp(GARBLED, "u");
  const match = pattern.exec(text);
  return match === null ? undefined : { start: match.index, end: match.index + match[0].length };
}

/** The same of a text from its start on. */
function findGarbled(text: string): Span | undefined {
  return AT_START.test(text) ? { start: 0, end: 2 } : searchGarbled(text);
}

/** @see https://github.com/rspeer/python-ftfy/blob/5340af6746ff655a9cd7cb2b50c2fd0b35bb91d3/ftfy/badness.py#L274-L387 */
export function isGarbled(text: string): boolean {
  return findGarbled(text) !== undefined;
}

/** Whether a text that changes is garbled. */
export class GarbledPlace {
  /** Garbled characters, where there are any. */
  readonly #place: Mark;
  readonly #changes: Watch;

  constructor(private readonly draft: Draft) {
    this.#place = draft.mark();
    this.#changes = draft.watch();
  }

  exists(): boolean {
    if (this.#place.isIntact) return true;
    const found = this.find();
    if (found === undefined) this.#place.clear();
    else this.#place.set(found);
    return found !== undefined;
  }

  private find(): Span | undefined {
    const changes = this.#changes.take();
    const last = this.#place.span;
    if (last === undefined) return this.findNear(changes);
    // The place that was garbled changed: another may be anywhere, most likely right there.
    return this.findNear([last]) ?? findGarbled(this.draft.toString());
  }

  private findNear(spans: readonly Span[]): Span | undefined {
    for (const { start, end } of this.draft.widened(spans, LONGEST)) {
      const part = this.draft.slice(start, end);
      const found = start === 0 ? findGarbled(part) : searchGarbled(part);
      if (found !== undefined) return { start: found.start + start, end: found.end + start };
    }
    return undefined;
  }
}
