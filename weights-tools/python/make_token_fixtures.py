"""Texts as they come damaged, with the tokens that CLIP's own tokenizer makes of them.

    python make_token_fixtures.py OUT.json.gz [--count N] [--seed N] [--longest CHARACTERS]

Needs ftfy 6.3.1, regex, and openai/CLIP's clip/simple_tokenizer.py on PYTHONPATH. OUT holds a list of [text, cleaned text,
token ids]. Characters that Python's Unicode does not know yet are left out: later versions treat them otherwise.
"""

import argparse
import gzip
import html.entities
import json
import random
import unicodedata

import ftfy
import ftfy.bad_codecs
from simple_tokenizer import SimpleTokenizer, basic_clean, whitespace_clean

PHRASES = [
    "a photo of a dog", "voilà le travail", "à la carte menu, très cher", "café crème brûlée à l'hôtel",
    "El Niño está aquí ¿qué pasó?", "São Paulo às 9 horas, àquele dia", "Größe: 5 µm ± 2 °C", "Straße ÄÖÜ äöü ß",
    "Smörgåsbord på ön", "Łódź żółć gęślą jaźń", "Příliš žluťoučký kůň úpěl", "Árvíztűrő tükörfúrógép",
    "Ștefan și țara ă î â", "Işık ğüşöç İstanbul ĞÜŞ", "žąsis čia ėjo; šūdas ųū", "Rīgas ķēniņš ģērbās",
    "Привет, мир! Как дела?", "футбол Москва Кремль", "Україна їжак ґанок є", "Ћирилица ђак њив љут", "ҐЇЄІ ґїєі",
    "Καλημέρα κόσμε Ά Ώ ΐ ΰ", "Ὀδυσσεύς ἄνδρα μοι", "Σίσυφος ΟΔΟΣ Σ", "שלום עולם", "مرحبا بالعالم ٠١٢٣",
    "سلام دنیا پ چ ژ گ", "नमस्ते दुनिया", "வணக்கம் உலகம்", "ಕನ್ನಡ ನಮಸ್ಕಾರ", "సవన తెలుగు", "สวัสดีชาวโลก", "ສະບາຍດີ",
    "မင်္ဂလာပါ", "გამარჯობა", "Բարեւ", "안녕하세요 세계", "こんにちは世界 カタカナ", "你好，世界。繁體中文",
    "Tiếng Việt có dấu ở đây ữ ỹ", "“quoted” ‘single’ … • – —", "it’s “fine” — don’t", "€50 £30 ¥200 ¢5 ₧",
    "™ ® © § ¶ † ‡ ‰", "½ ¼ ¾ × ÷ ² ³ ¹ µ", "√ ∞ ∫ ≈ ≠ ≤ ≥ ∑ ∏ ∂ Ω ◊", "(ง'⌣')ง ¯\\_(ツ)_/¯",
    "😀 😍 🐶 👩‍👩‍👧‍👦 🇫🇷 💩", "𝒥ohn ℋancock 𝔘𝔫𝔦", "¡Hola! «guillemets» ‹x›", "№ 5 Ё Ѓ Є", "ÀÁÂÃÄÅ ÆÇÈÉÊË ÌÍÎÏ ÐÑ",
    "ÒÓÔÕÖ ØÙÚÛÜ ÝÞ ñ ã õ ø œ Œ š ž Ÿ", "╔══╗ ║▓▒░║ ╚══╝ │┤├", "Ã Â Å Ä", "e\u0301 a\u0308 o\u0323\u0302 \u1100\u1161\u11a8",
    "ＬＯＵＤ　ＮＯＩＳＥ ｶﾀｶﾅ ﾊﾟ", "ﬂuﬃeﬆ ﬅ Ĳ ĳ ŉ ǆ Ǳ", "\xa0no-break\xa0space", "soft\xadhyphen",
    "zero\u200bwidth\u200d\u200c\u2060 \ufeffmark", "İstanbul ẞ ſ K Å", "x²+y³=z¹", "I ❤ NY ☃ ★", "الله ﷺ ﻻ",
    "a\u2028line\u2029para\x85next", "tab\there\x0bvt\x0cff", "L’Hôtel – déjà vu…", "Þór Reykjavík þetta ð",
    "ŽIŽEK Čapek Šimon", "ƒ ˆ ˜ ˇ ˘ ˛ ˝ ¸ ¨", "中文 English русский mix",
]  # fmt: skip
KNOWN = ["latin-1", *(f"sloppy-windows-{page}" for page in (1252, 1251, 1250, 1253, 1254, 1257)), "iso-8859-2", "macroman", "cp437"]
OTHERS = ["sloppy-windows-1255", "sloppy-windows-1256", "sloppy-windows-1258", "sloppy-cp874", "koi8-r", "cp850", "cp852", "cp866", "iso-8859-5", "iso-8859-15"]
STRICT = ["windows-1252", "windows-1251", "windows-1250", "windows-1253", "windows-1254", "windows-1257", "ascii", "shift_jis", "gbk"]
SUSPECTS = sorted({bytes([byte]).decode(page) for page in KNOWN for byte in range(0x80, 0x100)})
LATIN_1 = [chr(code) for code in range(0x80, 0x100)]
ASCII = [chr(code) for code in range(0x20, 0x7F)]
ODDITIES = [
    "\x1b[31m", "\x1b[0;1m", "\x1b[", "\x1b[１m", "\x1b［1ｍ", "\x1b[ﬁ", "\x1b[٣m", "\x07", "\x00", "\x0b", "\x1c", "\x1f", "\x7f",
    "\x80", "\x85", "\x9d", "\x81", "\u206a", "\ufeff", "\ufff9", "\ufffc", "\ufffd", "\r\n", "\r", "\n", "\u2028", "\u2029",
    "\t", "\ud800", "\udc00", "\udbff", "\u200b", "\u2003", "\u3000", "\u180e", "\u1680", "<", "<b>", "\u0345", "\u0301",
    "\u0323",
]  # fmt: skip
# What feeds on what follows it, again and again.
CHAINS = [
    *"ÃƒŁ–Â©&лa ¦\x83\x82Š…‚ï漢àšðøæż?РЃвЂ®\n\xe9\x9d\x81Å\xad\xa0ﬁ＆Œ”√├Γê\u0301\u0323\ufffd",
    "amp;", "#38;", "iuml;", "¼†", "Ãƒ", "&amp;", "¼†iuml;", "lt;", "Atilde;", "amp&semi;", "Äƒ",
]  # fmt: skip


class Texts:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def text(self):
        pick = self.random.choice
        if self.random.random() < 0.25:
            return self.chains()
        text = pick(["", "", " ", ", ", "-"]).join(self.piece() for _ in range(pick([1, 1, 1, 2, 2, 3, 4, 6])))
        if self.random.random() < 0.03:
            text = (text + pick(["", " ", "\n"])) * self.random.randrange(2, 40)
        return text

    def piece(self):
        kinds = {
            lambda: self.misread(self.phrase()): 34,
            lambda: self.misread(self.misread(self.phrase())): 12,
            lambda: self.misread(self.misread(self.misread(self.phrase()))): 3,
            self.phrase: 9,
            lambda: self.with_losses(self.misread(self.phrase())): 5,
            self.reference: 7,
            lambda: self.random.choice(ODDITIES): 5,
            self.characters: 22,
            lambda: "".join(self.random.choices(ASCII, k=self.random.randrange(1, 10))): 3,
        }
        return self.random.choices(list(kinds), list(kinds.values()))[0]()

    def phrase(self):
        text = " ".join(self.random.choices(PHRASES, k=self.random.choice([1, 1, 1, 2, 3])))
        chance = self.random.random()
        if chance < 0.25:
            start = self.random.randrange(len(text))
            return text[start : start + self.random.randrange(1, 30)]
        return text.upper() if chance < 0.32 else text

    def misread(self, text):
        data = cesu_8(text) if self.random.random() < 0.1 else text.encode("utf-8", "surrogatepass")
        chance = self.random.random()
        pick = self.random.choice
        if chance < 0.62:
            return data.decode(pick(KNOWN))
        if chance < 0.67:
            return data.decode(pick(OTHERS), "replace")
        if chance < 0.8:
            return data.decode(pick(STRICT), pick(["replace", "replace", "ignore"]))
        if chance < 0.9:
            return data.replace(b"\xa0", b" ").decode(pick(KNOWN))
        read = data.decode(pick(KNOWN))
        at = self.random.randrange(len(read) + 1)
        return read[:at] + pick(["", "?", "\ufffd", " ", "\x1a", "\xa0", "\x9d"]) + read[at + pick([0, 1]) :]

    def with_losses(self, text):
        lose = lambda c: self.random.choice(["?", "\ufffd", " ", ""]) if ord(c) > 0x7F and self.random.random() < 0.15 else c
        return "".join(map(lose, text))

    def reference(self):
        number = self.random.choice([self.random.randrange(0x120000), self.random.randrange(0x3000), self.random.randrange(300), 38, 59, 0xFEFF])
        name = self.random.choice(list(html.entities.html5))
        chain = "amp;" * self.random.randrange(1, 6) + self.random.choice(["", "lt;", "eacute;", "#233;", "amp", "nbsp;"])
        end = self.random.choice([";", "", ";;"])
        bodies = [name, name.upper(), name.rstrip(";"), f"#{number}{end}", f"#{self.random.choice('xX')}{number:x}{end}", chain]
        return "&" + self.random.choice(bodies)

    def characters(self):
        count = self.random.randrange(1, 14)
        marks = "ÃÂâ€ƒ‚„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸàðÅÎÐÙØ× \xa0?\ufffd\x81\x8d\x9d©®°±´¸º"
        sets = [SUSPECTS, LATIN_1, SUSPECTS + ASCII, LATIN_1 + [" "] * 20 + list("abcABC"), list(marks), None]
        characters = self.random.choice(sets)
        if characters is not None:
            return "".join(self.random.choices(characters, k=count))
        ranges = [(0, 0xD800), (0xE000, 0x110000), (0, 0x3000), (0, 0x600)]
        return "".join(chr(self.random.randrange(*self.random.choice(ranges))) for _ in range(count))

    def chains(self):
        units = self.random.sample(CHAINS, self.random.randrange(2, 7)) if self.random.random() < 0.7 else CHAINS
        times = lambda: self.random.randrange(1, 60 if self.random.random() < 0.5 else 5)
        return "".join(self.random.choice(units) * times() for _ in range(self.random.randrange(1, 9)))


def cesu_8(text):
    """UTF-8 with characters above U+FFFF as pairs of surrogates, and U+0000 in two bytes."""
    units = text.encode("utf-16-be", "surrogatepass")
    codes = [int.from_bytes(units[at : at + 2], "big") for at in range(0, len(units), 2)]
    return b"".join(chr(code).encode("utf-8", "surrogatepass") if code else b"\xc0\x80" for code in codes)


def is_known(text):
    return all(unicodedata.category(character) != "Cn" for character in text)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--longest", type=int, default=80)
    args = parser.parse_args()
    assert ftfy.__version__ == "6.3.1"
    texts, tokenizer, cases = Texts(args.seed), SimpleTokenizer(), []
    while len(cases) < args.count:
        text = texts.text()[: args.longest]
        cleaned = whitespace_clean(basic_clean(text)).lower()
        if is_known(text) and is_known(cleaned):
            cases.append([text, cleaned, tokenizer.encode(text)])
    with gzip.GzipFile(args.out, "wb", mtime=0) as file:
        file.write(json.dumps(cases, separators=(",", ":")).encode())


if __name__ == "__main__":
    main()
