import { readFileSync } from "node:fs";
import { describe, expect, it, vi } from "vitest";
import { encode, END_OF_TEXT, START_OF_TEXT } from "../src/tokenizer/bpe.js";
import { cleanText } from "../src/tokenizer/clean.js";
import { fixText } from "../src/tokenizer/repair/fix-text.js";
import { unescapeHtml } from "../src/tokenizer/html.js";
import { PromptTooLongError, tokenizeBare, tokenizeOpenAi } from "../src/tokenizer/tokenize.js";

interface Case {
  text: string;
  bpe: number[];
  openai: number[];
}
const fixture = new URL("fixtures/tokenizer/fixture.json", import.meta.url);
const { cases } = JSON.parse(readFileSync(fixture, "utf8")) as { cases: Case[] };

describe("the reference's tokens", () => {
  it.each(cases)("of $text", ({ text, bpe, openai }) => {
    expect(encode(text)).toEqual(bpe);
    expect([...tokenizeOpenAi([text])[0]!]).toEqual(openai);
  });

  it("are 20 cases", () => {
    expect(cases).toHaveLength(20);
  });
});

// Expected values: ftfy 6.3.1 and Python 3.11's html module.
describe("fixText", () => {
  it.each([
    ["curly quotes", "\u2018it\u2019s\u2019 \u201cquoted\u201d", "'it's' \"quoted\""],
    ["NFC", "re\u0301sume\u0301", "r\u00e9sum\u00e9"],
    ["ligatures", "\ufb02u\ufb03est \ufb05 \u0132 \u01c4 \u0149", "fluffiest \u017ft IJ D\u017d 'n"],
    ["widths", "\uff2c\uff2f\uff35\uff24\u3000\uff76\uff9e", "LOUD \u30ac"],
    ["line breaks", "a\r\nb\rc\u2028d\u2029e", "a\nb\nc\nd\ne"],
    ["C1 controls as Windows-1252", "a\x85 \x93b\x94", 'a… "b"'],
    ["lone surrogates", "a\ud800b \ud83d\udc36", "a\ufffdb \ud83d\udc36"],
    ["terminal escapes and controls", "\x1b[36;44mblue\x1b[0m\x07\x00\ufeff\ufffc", "blue"],
    [
      "entities with a semicolon only",
      "&eacute; &NTILDE; &amp &amp;lt; &#233; &nope;",
      "\u00e9 \u00d1 &amp < \u00e9 &nope;",
    ],
    ["no entities beside a tag, and on every line after it", "<b>&lt;\n&lt;", "<b>&lt;\n&lt;"],
    ["joiners and soft hyphens stay", "a\u200db\u200bc\xadd", "a\u200db\u200bc\xadd"],
    [
      "text as it is",
      "caf\u00e9 \u2014 \u4f60\u597d \u00c5ngstr\u00f6m 5\u20ac",
      "caf\u00e9 \u2014 \u4f60\u597d \u00c5ngstr\u00f6m 5\u20ac",
    ],
  ])("%s", (_, text, expected) => {
    expect(fixText(text)).toBe(expected);
  });

  it.each([
    ["Latin-1", "sch\u00c3\u00b6n", "sch\u00f6n"],
    ["Windows-1252", "it\u00e2\u20ac\u2122s", "it's"],
    ["twice", "caf\u00c3\u0192\u00c2\u00a9", "caf\u00e9"],
    ["among other letters", "\u4f60\u597d caf\u00c3\u00a9", "\u4f60\u597d caf\u00e9"],
    ["four bytes", "\u00f0\u0178\u02dc\u20ac", "\u{1f600}"],
    [
      "nothing garbled",
      "CAF\u00c9\u00ae \u00c5\u00c4\u00d6 \u00abna\u00efve\u00bb",
      "CAF\u00c9\u00ae \u00c5\u00c4\u00d6 \u00abna\u00efve\u00bb",
    ],
  ])("repairs UTF-8 that was misread: %s", (_, text, expected) => {
    expect(fixText(text)).toBe(expected);
  });
});

describe("unescapeHtml", () => {
  it.each([
    ["&lt;&gt;&amp;&quot;&#39;&nbsp;", "<>&\"'\xa0"],
    ["&notit; &notin; &not &ampamp", "\u00acit; \u2209 \u00ac &amp"],
    ["&#x1F436; &#128054 &#xe9x", "\u{1f436} \u{1f436} \u00e9x"],
    ["&#0; &#xD800; &#x110000;", "\ufffd \ufffd \ufffd"],
    ["&#128; &#x92; &#129;", "\u20ac \u2019 \x81"],
    ["[&#1;&#x7f;&#xffff;]", "[]"],
    ["& &; &unknown; &#; &#x;", "& &; &unknown; &#; &#x;"],
  ])("%s", (text, expected) => {
    expect(unescapeHtml(text)).toBe(expected);
  });
});

describe("cleanText", () => {
  it.each([
    ["\u00a0 A\u2003B\t\n c ", "a b c"],
    ["&amp;lt;B&amp;gt;", "<b>"],
    ["\u0130 \u039f\u0394\u039f\u03a3 \u1e9e", "i\u0307 \u03bf\u03b4\u03bf\u03c2 \u00df"],
  ])("%j", (text, expected) => {
    expect(cleanText(text)).toBe(expected);
  });
});

// Expected values: openai/CLIP's simple_tokenizer with regex 2024 and ftfy 6.3.1.
describe("encode", () => {
  it.each([
    ["\u0345 <\u0345", [283]],
    ["'\u017f a", [6, 129, 379, 320]],
    ["<|ENDOFTEXT|>", [49407]],
    ["d\u2019\u00e9t\u00e9 \ufdfa", [323, 262, 3459, 39694, 171, 115, 374]],
  ])("%j", (text, expected) => {
    expect(encode(text)).toEqual(expected);
  });
});

describe("rows", () => {
  const long = "dog ".repeat(100);

  it("truncates with one warning and ends in the end token", () => {
    const warn = vi.fn();
    const [row] = tokenizeOpenAi([long], { warn });
    expect(row).toHaveLength(77);
    expect(row![0]).toBe(START_OF_TEXT);
    expect(row![75]).toBe(encode("dog")[0]);
    expect(row![76]).toBe(END_OF_TEXT);
    expect(warn).toHaveBeenCalledExactlyOnceWith(
      expect.stringMatching(/"dog dog [^]*has 102 tokens, but the model reads 77/),
    );
  });

  it("refuses a long text on request", () => {
    expect(() => tokenizeOpenAi([long], { tooLong: "error" })).toThrow(PromptTooLongError);
    expect(() => tokenizeBare([long], { contextLength: 99, tooLong: "error" })).toThrow(/100 tokens/);
  });

  it("fits a text that just fits without a warning", () => {
    const warn = vi.fn();
    expect(tokenizeOpenAi(["dog ".repeat(75)], { warn })[0]![76]).toBe(END_OF_TEXT);
    expect(warn).not.toHaveBeenCalled();
  });

  it("leaves out start and end tokens for dalle2-laion", () => {
    const [row] = tokenizeBare(["Hello World"]);
    expect(row).toHaveLength(256);
    expect([...row!.slice(0, 3)]).toEqual([3306, 1002, 0]);
    expect(
      tokenizeBare([long], { contextLength: 8, warn: vi.fn() })[0]!.every((token) => token === encode("dog")[0]),
    ).toBe(true);
  });
});
