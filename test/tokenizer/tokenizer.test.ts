import { readFileSync } from "node:fs";
import { describe, expect, it, vi } from "vitest";
import { END_OF_TEXT, loadEncode, START_OF_TEXT } from "../../src/tokenizer/bpe.js";
import { cleanText } from "../../src/tokenizer/clean.js";
import { unescapeHtml } from "../../src/tokenizer/html.js";
import { PromptTooLongError } from "../../src/tokenizer/prompt-too-long.js";
import { tokenizeBare, tokenizeOpenAi } from "../../src/tokenizer/tokenize.js";

interface Case {
  text: string;
  bpe: number[];
  openai: number[];
}
const encode = await loadEncode();
const fixture = new URL("../fixtures/tokenizer/fixture.json", import.meta.url);
const { cases } = JSON.parse(readFileSync(fixture, "utf8")) as { cases: Case[] };

describe("the reference's tokens", () => {
  it.each(cases)("of $text", async ({ text, bpe, openai }) => {
    expect(encode(text)).toEqual(bpe);
    expect([...(await tokenizeOpenAi([text]))[0]!]).toEqual(openai);
  });

  it("are 20 cases", () => {
    expect(cases).toHaveLength(20);
  });
});

// Expected values: Python 3.11's html module.
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
    ["<&#65279; a &#65279;", "<\ufeff a \ufeff"],
    ["< &#65279;", "< \ufeff"],
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

  it("truncates with one warning and ends with the end token", async () => {
    const warn = vi.fn();
    const [row] = await tokenizeOpenAi([long], { warn });
    expect(row).toHaveLength(77);
    expect(row![0]).toBe(START_OF_TEXT);
    expect(row![75]).toBe(encode("dog")[0]);
    expect(row![76]).toBe(END_OF_TEXT);
    expect(warn).toHaveBeenCalledExactlyOnceWith(
      expect.stringMatching(/"dog dog [^]*has 102 tokens, but the model reads at most 77/),
    );
  });

  it("refuses a long text if tooLong is error", async () => {
    await expect(tokenizeOpenAi([long], { tooLong: "error" })).rejects.toThrow(PromptTooLongError);
    await expect(tokenizeBare([long], { contextLength: 99, tooLong: "error" })).rejects.toThrow(/100 tokens/);
  });

  it("does not warn about a text that just fits", async () => {
    const warn = vi.fn();
    expect((await tokenizeOpenAi(["dog ".repeat(75)], { warn }))[0]![76]).toBe(END_OF_TEXT);
    expect(warn).not.toHaveBeenCalled();
  });

  it("omits start and end tokens for dalle2-laion", async () => {
    const [row] = await tokenizeBare(["Hello World"]);
    expect(row).toHaveLength(256);
    expect([...row!.slice(0, 3)]).toEqual([3306, 1002, 0]);
    const [cut] = await tokenizeBare([long], { contextLength: 8, warn: vi.fn() });
    expect(cut!.every((token) => token === encode("dog")[0])).toBe(true);
  });
});
