import { describe, expect, it, vi } from "vitest";
import { ConfigError } from "../../../../src/config/config-error.js";
import { readTokenizer } from "../../../../src/models/clip/transformers/tokenizer.js";
import { FileError } from "../../../../src/platform/errors.js";
import { UnsupportedError } from "../../../../src/weights/unsupported-error.js";
import { modelFolder, readModelJson, type ChangedFile } from "../../../support/model-folder.js";

const SMALL = "karlo-tokenizer";
const read = (changed: Readonly<Record<string, ChangedFile>> = {}) =>
  readTokenizer(modelFolder(SMALL, changed), "tokenizer");

const config = await readModelJson(SMALL, "tokenizer/tokenizer_config.json");
const map = await readModelJson(SMALL, "tokenizer/special_tokens_map.json");
const [START, END] = [1212, 1213];

// Expected values: CLIPTokenizer of transformers 4.45.0.dev0 with ftfy 6.3.1, with the small vocabulary of the fixture and with
// OpenAI's, without start and end tokens.
const CASES: readonly (readonly [prompt: string, small: readonly number[], full: readonly number[]])[] = [
  ["don!t", [847, 0, 339], [847, 0, 339]],
  ["a\uff01b !\uff01", [320, 256, 321, 0, 256], [320, 256, 321, 0, 256]],
  ["&lt;b&gt; &amp;amp;", [283, 321, 285, 261], [283, 321, 285, 261]],
  ["\u00c3\u00a9t\u00c3\u00a9 \ufb01n", [127, 102, 83, 127, 358, 69, 530], [3459, 39694, 10663]],
  ["x\u00a0\u2003y\t\n!  z", [343, 344, 0, 345], [343, 344, 0, 345]],
  ["'S It'\u017f", [568, 585, 6, 129, 379], [568, 585, 6, 129, 379]],
  [
    "\u0130stanbul \u039f\u0394\u039f\u03a3",
    [328, 136, 485, 522, 514, 609, 331, 138, 123, 138, 112, 138, 123, 139, 480],
    [328, 16384, 11231, 138, 123, 138, 112, 138, 123, 139, 480],
  ],
  [
    "\u6f22\u5b57\u304b\u306a 3\u00b2",
    [162, 120, 95, 161, 255, 245, 159, 223, 233, 159, 223, 359, 274, 126, 366],
    [162, 120, 95, 35751, 245, 4813, 36218, 359, 274, 41175],
  ],
  ["<|startoftext|>!<|endoftext|>a", [1212, 0, 1213, 320], [49406, 0, 49407, 320]],
  ["! ! !!", [0, 0, 0, 0], [0, 0, 0, 0]],
  ["\u200b\ufeff", [728, 489], [9844]],
  ["<|startoftext|", [27, 347, 993, 580, 69, 600, 1052, 347], [27, 347, 993, 6659, 4160, 347]],
  [
    "(e.g.) 50%&*&  \u20ac5",
    [263, 324, 269, 326, 13, 264, 276, 271, 4, 5, 9, 261, 158, 224, 361, 276],
    [263, 324, 269, 326, 5376, 276, 271, 4, 5, 9, 261, 6309, 276],
  ],
  ["\u201cquotes\u201d \u2026", [257, 666, 78, 83, 542, 257, 959], [257, 5808, 257, 959]],
  ["\u0345a", [320], [320]],
  [
    "\ud83d\udc69\u200d\ud83d\udc69\u200d\ud83d\udc67 family",
    [964, 102, 728, 235, 964, 102, 728, 235, 964, 356, 1058, 1026],
    [26304, 26304, 964, 356, 1315],
  ],
];

describe("a prompt has the tokens of CLIPTokenizer", async () => {
  const [small, full] = await Promise.all([read(), readTokenizer(modelFolder("karlo-text-to-image"), "tokenizer")]);

  it.each(CASES)("%j", (prompt, ofSmall, ofFull) => {
    expect(small.tokenizer.encode(prompt)).toEqual(ofSmall);
    expect(full.tokenizer.encode(prompt)).toEqual(ofFull);
  });
});

describe("rows of tokens", () => {
  it("have start and end tokens and no padding", async () => {
    const { tokenizer, maxLength } = await read();
    expect(tokenizer.tokenize(["", "! !"], maxLength)).toEqual([
      Int32Array.of(START, END),
      Int32Array.of(START, 0, 0, END),
    ]);
    expect(maxLength).toBe(77);
    expect(tokenizer.padding).toBe(0);
  });

  it("end with the end token if they are truncated, with one warning", async () => {
    const { tokenizer } = await read();
    const warn = vi.fn();
    const [row] = tokenizer.tokenize(["! ".repeat(76)], 77, { warn });
    expect(row).toEqual(Int32Array.of(START, ...new Array<number>(75).fill(0), END));
    expect(warn).toHaveBeenCalledExactlyOnceWith(
      expect.stringMatching(/^the prompt "! ! .*" has 78 tokens, but the model reads at most 77; the rest is ignored$/),
    );
    warn.mockClear();
    expect(tokenizer.tokenize(["! ".repeat(75)], 77, { warn })[0]).toHaveLength(77);
    expect(warn).not.toHaveBeenCalled();
  });
});

// Expected values: as above, with the same changes in the files.
describe("special tokens", () => {
  const FOLDER = "tokenizer";
  const configAt = `${FOLDER}/tokenizer_config.json`;
  const mapAt = `${FOLDER}/special_tokens_map.json`;

  it("in special_tokens_map.json count more than those of the config", async () => {
    const { tokenizer } = await read({ [mapAt]: { ...map, pad_token: "<|endoftext|>" } });
    expect(tokenizer.padding).toBe(END);
    expect(tokenizer.encode("wow!")).toEqual([86, 78, 342, 256]);
  });

  it("in a config that lists its added tokens count alone", async () => {
    const added = { 0: { content: "!", special: true }, 7: { content: "<red>", lstrip: false } };
    const changed = { ...config, added_tokens_decoder: added, model_max_length: 1e30 };
    const { tokenizer, maxLength } = await read({ [configAt]: changed, [mapAt]: { pad_token: "<|endoftext|>" } });
    expect([tokenizer.padding, maxLength]).toEqual([0, 1e30]);
    expect(tokenizer.encode("a<red>! <RED>")).toEqual([320, 7, 0, 283, 736, 285]);
  });

  it("default to those of OpenAI, without the two files", async () => {
    const { tokenizer, maxLength } = await read({ [configAt]: null, [mapAt]: null });
    expect([tokenizer.padding, maxLength]).toEqual([END, Infinity]);
    expect(tokenizer.encode("a!<|startoftext|>")).toEqual([320, 256, START]);
  });

  it("stand for symbols that the vocabulary does not have", async () => {
    const vocabulary = await readModelJson(SMALL, "tokenizer/vocab.json");
    delete vocabulary["a</w>"];
    const { tokenizer } = await read({ "tokenizer/vocab.json": vocabulary });
    expect(tokenizer.encode("a b")).toEqual([END, 321]);
  });

  it("can be several, of which the longest counts", async () => {
    const vocabulary = await readModelJson(SMALL, "tokenizer/vocab.json");
    const changed = { ...vocabulary, "!!": 1500, "(?": 1501 };
    const others = { additional_special_tokens: ["!!", { content: "(?", lstrip: false }] };
    const { tokenizer } = await read({ "tokenizer/vocab.json": changed, [mapAt]: { ...map, ...others } });
    expect(tokenizer.encode("!!! (?")).toEqual([1500, 0, 1501]);
  });

  it.each<[what: string, changed: Record<string, ChangedFile>, message: RegExp]>([
    [
      "a token without an id",
      { [mapAt]: { pad_token: "<pad>" } },
      /vocab\.json has no id of the special token "<pad>"/,
    ],
    [
      "a token with space around it",
      { [mapAt]: { pad_token: { content: "!", lstrip: true } } },
      /pad_token.*lstrip: true is not supported/s,
    ],
    ["padding in front", { [configAt]: { ...config, padding_side: "left" } }, /padding_side: "left" is not supported/],
    ["another tokenizer", { [configAt]: { tokenizer_class: "T5Tokenizer" } }, /tokenizer_class: "T5Tokenizer" is not/],
    ["an unknown key", { [configAt]: { ...config, do_upper_case: true } }, /unknown key "do_upper_case"/],
    [
      "a vocabulary that is a list",
      { "tokenizer/vocab.json": ["a"] },
      /vocab\.json is not a config: expected a JSON object/,
    ],
    ["an id that is no number", { "tokenizer/vocab.json": { a: "1" } }, /a: expected a number, found "1"/],
  ])("refuse %s", async (_, changed, message) => {
    const error: unknown = await read(changed).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConfigError);
    expect(error).toHaveProperty("message", expect.stringMatching(message));
  });

  it("need vocab.json and merges.txt", async () => {
    await expect(read({ "tokenizer/vocab.json": null })).rejects.toThrow(FileError);
    await expect(read({ "tokenizer/merges.txt": null })).rejects.toThrow(/merges\.txt/);
    const fast = { "tokenizer/vocab.json": null, "tokenizer/tokenizer.json": {} };
    await expect(read(fast)).rejects.toThrow(UnsupportedError);
    await expect(read(fast)).rejects.toThrow(/tokenizer has only a tokenizer\.json, but no vocab\.json/);
  });
});
