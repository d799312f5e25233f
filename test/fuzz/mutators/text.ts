import type { Random } from "../random.js";

/** Pieces of prompts that text cleaning changes. */
const PIECES = [
  ...[
    "a",
    "the ",
    "red circle",
    " ",
    "\n\r\t",
    "'s",
    "'LL",
    "12345",
    "!!!???",
    "<|startoftext|>",
    "<|endoftext|>",
    ".",
    ",",
  ],
  ...[
    "&amp;",
    "&amp;amp;",
    "&#x1F600;",
    "&#0;",
    "&#xD800;",
    "&#99999999999;",
    "&lt;script&gt;",
    "&",
    ";",
    "&notit",
    "&NTILDE;",
    "<b>",
  ],
  ...[
    "Ã©",
    "â€œ",
    "â€",
    "Ã¢â‚¬â„¢",
    "ð\x9f\x98\x80",
    "Â",
    "Â\xa0",
    "ãƒ",
    "à",
    "Ð¿Ñ€Ð¸",
    "ÃƒÂ©",
    "РїСЂРё",
    "вЂ™",
    "é«˜",
    "æ¼¢å\xad\x97",
    "\x80",
    "\x85",
    "\x9f",
  ],
  ...[
    "\0",
    "\ud800",
    "\udc00",
    "\ufffd",
    "\ufeff",
    "\x1b[31m",
    "\x1b[",
    "\u202e",
    "\u2028",
    "\u200d",
    "\u00ad",
    "\ufe0f",
    "\u{E0001}",
  ],
  ...[
    "ﬁ",
    "ẞ",
    "İ",
    "\u0130\u0307",
    "ſt",
    "ǆ",
    "Σς",
    "ｆｕｌｌ",
    "\u3000",
    "“”‘’",
    "зд",
    "漢字",
    "한글",
    "ก็็็็",
    "a\u0301\u0301",
    "\u{1F468}\u200d\u{1F469}",
  ],
];

/** A text that is usually short. One in fifty is long and repeats a pattern, which slow programs cannot handle. */
export function randomText(random: Random, most = 40, mostLong = 40_000): string {
  if (random.chance(0.02)) return repeated(random, mostLong);
  return random
    .list(random.length(most), () => (random.chance(0.75) ? random.pick(PIECES) : randomCharacter(random)))
    .join("");
}

function repeated(random: Random, most: number): string {
  const pattern = random.list(1 + random.below(3), () => random.pick(PIECES)).join("");
  const text = pattern.repeat(Math.ceil(random.length(most) / pattern.length));
  return random.pick(["", "&", "x", " "]) + text + random.pick(["", ";", "x", " "]);
}

function randomCharacter(random: Random): string {
  return String.fromCodePoint(random.chance(0.6) ? random.below(0x500) : random.below(0x110000));
}

/** Any text as bytes, with lone surrogates. */
export function encodeUtf16(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "utf16le"));
}

export function decodeUtf16(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("utf16le");
}
