import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { loadEncode } from "../../src/tokenizer/bpe.js";
import { cleanText } from "../../src/tokenizer/clean.js";
import { CODE_PAGES, type CodePage } from "../../src/tokenizer/repair/code-pages.js";
import { fixText } from "../../src/tokenizer/repair/fix-text.js";

// Expected values: ftfy 6.3.1.
describe("fixText", () => {
  it.each([
    ["curly quotes", "\u2018it\u2019s\u2019 \u201cquoted\u201d \u02bc\u201a", "'it's' \"quoted\" ''"],
    ["NFC", "re\u0301sume\u0301", "r\u00e9sum\u00e9"],
    ["Hangul", "\u1112\u1161\u11ab", "\ud55c"],
    ["ligatures", "\ufb02u\ufb03est \ufb05 \u0132 \u01c4 \u0149", "fluffiest \u017ft IJ D\u017d 'n"],
    ["widths", "\uff2c\uff2f\uff35\uff24\u3000\uff76\uff9e", "LOUD \u30ac"],
    ["line breaks", "a\r\nb\rc\u2028d\u2029e", "a\nb\nc\nd\ne"],
    ["C1 controls as Windows-1252", "a\x85 \x93b\x94 \x8d", 'a… "b" \x8d'],
    ["lone surrogates", "a\ud800b \ud83d\udc36", "a\ufffdb \ud83d\udc36"],
    ["terminal escapes and controls", "\x1b[36;44mblue\x1b[0m\x07\x00\ufeff\ufffc", "blue"],
    ["terminal escapes in other characters", "\x1b[\u0663m\x1b\uff3b\uff11\uff4dblue\x1b[\ufb01", "bluei"],
    [
      "entities with a semicolon only",
      "&eacute; &NTILDE; &amp &amp;lt; &#233; &nope;",
      "\u00e9 \u00d1 &amp < \u00e9 &nope;",
    ],
    ["nested entities", "&amp;amp;amp;eacute; &#38;#38;lt; &amp&semi;gt;", "\u00e9 < >"],
    ["a repair that creates a reference", "\uff06amp; \u00ef\u00bc\u2020eacute;", "& \u00e9"],
    ["no entities on a line with a tag, or after it", "<b>&lt;\n&lt;", "<b>&lt;\n&lt;"],
    ["joiners and soft hyphens stay", "a\u200db\u200bc\xadd", "a\u200db\u200bc\xadd"],
    [
      "text as it is",
      "caf\u00e9 \u2014 \u4f60\u597d \u00c5ngstr\u00f6m 5\u20ac",
      "caf\u00e9 \u2014 \u4f60\u597d \u00c5ngstr\u00f6m 5\u20ac",
    ],
  ])("%s", (_, text, expected) => {
    expect(fixText(text)).toBe(expected);
  });
});

// Expected values: ftfy 6.3.1.
describe("repairs UTF-8 that was misread", () => {
  it.each([
    ["Latin-1", "sch\u00c3\u00b6n", "sch\u00f6n"],
    ["Windows-1252", "it\u00e2\u20ac\u2122s", "it's"],
    [
      "Windows-1251",
      "\u0420\u0457\u0421\u0402\u0420\u0451\u0420\u0406\u0420\u00b5\u0421\u201a",
      "\u043f\u0440\u0438\u0432\u0435\u0442",
    ],
    ["Windows-1250", "Li\u0102\u00a8ge", "Li\u00e8ge"],
    ["MacRoman", "caf\u221a\u00a9", "caf\u00e9"],
    ["DOS", "\u251c\u2310t\u251c\u2310", "\u00e9t\u00e9"],
    ["twice", "caf\u00c3\u0192\u00c2\u00a9", "caf\u00e9"],
    ["three times", "\u00c3\u0192\u00c6\u2019\u00c3\u201a\u00c2\u00a9", "\u00e9"],
    ["among other letters", "\u4f60\u597d caf\u00c3\u00a9", "\u4f60\u597d caf\u00e9"],
    [
      "in two encodings at once",
      "\u0420\u0455\u0421\u201a\u0420\u00bb \u0438 caf\u00c3\u00a9",
      "\u043e\u0442\u043b \u0438 caf\u00e9",
    ],
    ["four bytes", "\u00f0\u0178\u02dc\u20ac", "\u{1f600}"],
    ["surrogates, each in three bytes", "\xed\xa0\xbd\xed\xb8\x8d hi", "\u{1f60d} hi"],
    ["U+0000 in two bytes", "a\xc0\x80b", "ab"],
    ["a no-break space that became a space", "voil\u00c3 le travail", "voil\u00e0 le travail"],
    ["the same in Portuguese", "\u00c3 s 9 horas, \u00c3 quele dia", "\u00e0s 9 horas, \u00e0quele dia"],
    ["a lost byte", "\u00e2\u20ac\u0153 like this \u00e2\u20ac\ufffd", '" like this \ufffd'],
    [
      "nothing garbled",
      "CAF\u00c9\u00ae \u00c5\u00c4\u00d6 \u00abna\u00efve\u00bb",
      "CAF\u00c9\u00ae \u00c5\u00c4\u00d6 \u00abna\u00efve\u00bb",
    ],
    ["capitals before punctuation", "IL Y MARQU\u00c9\u2026", "IL Y MARQU\u00c9\u2026"],
  ])("%s", (_, text, expected) => {
    expect(fixText(text)).toBe(expected);
  });

  it.each(CODE_PAGES.map((page) => [page.name, page] as const))("%s, by its table", (_, page) => {
    expect(fixText(misread("\u65e5\u672c\u8a9e \u{1f600}", page))).toBe("\u65e5\u672c\u8a9e \u{1f600}");
  });
});

const encode = await loadEncode();

describe("openai/CLIP's tokens", () => {
  it.each([
    ["voil\u00c3 le travail", [947, 543, 21259, 579, 752, 21189]],
    ["red shoes\u00c2 for women", [736, 4079, 556, 1507]],
    ["\u00c3 la carte menu", [21259, 1210, 44949, 6225]],
    ["photo of a dog\u00c2 ", [1125, 539, 320, 1929]],
    ["a caf\u00c3\u00a9 at night\u00c2 - Paris", [320, 15304, 536, 930, 268, 3445]],
    ["a house in Moscow\u00c2 , winter", [320, 1212, 530, 10371, 267, 2541]],
    ["Li\u0102\u00a8ge Avenue", [554, 12138, 710, 7042]],
    ["caf\u221a\u00a9 table", [15304, 2175]],
    [
      "\u0421\u201e\u0421\u0453\u0421\u201a\u0420\u00b1\u0420\u0455\u0420\u00bb match",
      [27993, 39729, 17875, 140, 109, 20978, 375, 2439],
    ],
  ])("of %j", (text, expected) => {
    expect(encode(text)).toEqual(expected);
  });

  // From weights-tools/python/make_token_fixtures.py; 75,000 more were compared when this was written.
  it("of 1,500 texts with all kinds of damage", () => {
    const file = readFileSync(new URL("../fixtures/tokenizer/repairs.json.gz", import.meta.url));
    const cases = JSON.parse(gunzipSync(file).toString()) as [text: string, cleaned: string, tokens: number[]][];
    expect(cases).toHaveLength(1500);
    for (const [text, cleaned, tokens] of cases) {
      expect({ text, cleaned: cleanText(text), tokens: encode(text) }).toEqual({ text, cleaned, tokens });
    }
  });
});

/** Returns UTF-8 text decoded in another encoding. */
function misread(text: string, page: CodePage): string {
  const show = (byte: number) => (byte < 0x80 ? String.fromCharCode(byte) : page.upper[byte - 0x80]!);
  return Array.from(new TextEncoder().encode(text), show).join("");
}
