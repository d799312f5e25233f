import { describe, expect, it } from "vitest";
import { loadEncode } from "../../src/tokenizer/bpe.js";

const LENGTH = 40_000;
const fill = (text: string, share = 1) => text.repeat(Math.ceil((LENGTH * share) / text.length));

function misreadAgainAndAgain(): string {
  let text = "\u00e9".repeat(50);
  while (text.length < LENGTH) text = Buffer.from(text).toString("latin1");
  return text;
}

function growing(start: string, link: string, end: string): string {
  let text = "";
  for (let count = 1; text.length < LENGTH; count++) text += start + link.repeat(count) + end;
  return text;
}

// Each takes well under a second on an idle machine. One step for each pair of characters would take minutes.
describe("40,000 characters do not take long", { timeout: 30_000 }, () => {
  it.each([
    ["one word", fill("a")],
    ["one word of many letters", fill("qwertzuiopasdfghjkl")],
    ["one word of letters of three bytes", fill("\u6f22\u5b57")],
    ["punctuation", fill("!?&")],
    ["nested references", `&${fill("amp;")}`],
    ["nested numbers", `&${fill("#38;")}`],
    ["nested references of every depth", growing("&", "amp;", "eacute; ")],
    ["references that appear in pairs", fill("&amp&semi;")],
    ["nested mojibake", misreadAgainAndAgain()],
    ["mojibake that combines with the next character", `\u00c3${fill("\u0192")}`],
    ["the same after other text", `${fill("a", 0.5)}\u00c3${fill("\x83", 0.5)}`],
    ["the same of every length", growing("\u00c3", "\u0192", " a")],
    [
      "the same behind what looks like it",
      `\u0192${fill("\u0141\u0192", 0.5)}\u0141\u2013\u00c3${fill("\u0192", 0.5)}`,
    ],
    ["mojibake that makes references that make mojibake", `\u00ef${fill("\u00bc\u2020iuml;")}`],
    ["nested references beside mojibake", `${fill("\u043b\u00c3\u00a9", 0.5)}&${fill("amp;", 0.5)}`],
    ["mojibake in two encodings", fill("\u00c3\u00a9\u0420\u00b0 ")],
    ["mojibake on many lines", fill("\u00c3\u00a9\n")],
    ["marks", `a${fill("\u0301")}`],
    ["marks in the wrong order", `a${fill("\u0301", 0.5)}${fill("\u0323", 0.5)}`],
    ["alternating marks", `a${fill("\u0301\u0323")}`],
    ["lone surrogates", fill("\ud800")],
    ["terminal escapes without an end", fill("\x1b[1;")],
    ["spaces", `${fill(" ")}x`],
  ])("%s", async (_, text) => {
    const encode = await loadEncode();
    encode("caf\u00c3\u00a9");
    const start = performance.now();
    encode(text);
    expect(performance.now() - start).toBeLessThan(5000);
  });
});
