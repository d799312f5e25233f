/** ftfy 6.3's `fix_text` ("fixes text for you", R. Speer) with its defaults, in time that grows with the text's length. */
import { cautiousEdits } from "../html.js";
import { characterEdits } from "./characters.js";
import { compositionEdits, withWholeClusters } from "./composition.js";
import { Draft } from "./draft.js";
import type { Edit, Span } from "./edit.js";
import { EncodingRepair } from "./encoding.js";

// Nothing in it to repair; most prompts are so.
const PLAIN = /^[\t\n\f\x20-\x25\x27-\x7e]*$/;
const LONGEST_SEGMENT = 1_000_000; // code points
const LONGEST_REFERENCE = 27; // characters of an HTML reference that ftfy knows: `&#`, 24, `;`

/**
 * Repairs each line, or each million characters of it, for itself.
 * @see https://github.com/rspeer/python-ftfy/blob/5340af6746ff655a9cd7cb2b50c2fd0b35bb91d3/ftfy/__init__.py#L290-L361
 * @see https://github.com/rspeer/python-ftfy/blob/5340af6746ff655a9cd7cb2b50c2fd0b35bb91d3/ftfy/__init__.py#L364-L421
 */
export function fixText(text: string): string {
  if (PLAIN.test(text)) return text;
  let mayBeEscaped = true;
  const fixed = segmentsOf(text).map((segment) => {
    // Text with a tag in it is HTML: its references are meant to stay. ftfy holds that for all that follows, too.
    mayBeEscaped &&= !segment.includes("<");
    return PLAIN.test(segment) ? segment : fixSegment(segment, mayBeEscaped);
  });
  return fixed.join("");
}

function segmentsOf(text: string): string[] {
  return text.split(/(?<=\n)/).flatMap((line) => {
    if (line.length <= LONGEST_SEGMENT) return line;
    const characters = Array.from(line);
    const count = Math.ceil(characters.length / LONGEST_SEGMENT);
    return Array.from({ length: count }, (_, i) =>
      characters.slice(i * LONGEST_SEGMENT, (i + 1) * LONGEST_SEGMENT).join(""),
    );
  });
}

/** Repeats the repairs until none changes anything, since one may uncover work for another. */
function fixSegment(segment: string, mayBeEscaped: boolean): string {
  const draft = new Draft(segment);
  const encoding = new EncodingRepair(draft);
  const nearby = (margin: number) => (spans: readonly Span[]) => draft.widened(spans, margin);
  const clusters = (spans: readonly Span[]) =>
    draft.widened(
      spans.map((span) => withWholeClusters(draft, span)),
      0,
    );
  const repairs = [
    ...(mayBeEscaped ? [whereChanged(draft, nearby(LONGEST_REFERENCE), cautiousEdits)] : []),
    () => {
      encoding.run();
    },
    whereChanged(draft, nearby(1), characterEdits),
    whereChanged(draft, clusters, compositionEdits),
  ];
  draft.settle(() => {
    for (const repair of repairs) repair();
  });
  return draft.toString();
}

/** A repair that reads what changed since the last time, as widely as it must. */
function whereChanged(
  draft: Draft,
  widen: (changes: readonly Span[]) => Span[],
  editsOfPart: (part: string) => Edit[],
): () => void {
  const changes = draft.watch();
  return () => {
    const edits = widen(changes.take()).flatMap(({ start, end }) =>
      editsOfPart(draft.slice(start, end)).map((edit) => ({
        ...edit,
        start: edit.start + start,
        end: edit.end + start,
      })),
    );
    draft.apply(edits);
  };
}
