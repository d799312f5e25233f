import { deflateSync } from "node:zlib";
import { readImageText } from "../../../src/image/encode.js";
import { encodePng } from "../../../src/image/png.js";
import { crc32 } from "../../support/zip.js";
import { corpus } from "../corpus.js";
import { made, mixed, type Inputs } from "../inputs.js";
import { concat, latin1, littleEndian, mutateBytes, utf8 } from "../mutators/bytes.js";
import { randomText } from "../mutators/text.js";
import type { Random } from "../random.js";
import { promise, type Target } from "../target.js";

const SIGNATURE = latin1("\x89PNG\r\n\x1a\n");
const END = chunk("IEND", new Uint8Array(0));

function bigEndian(value: number): Uint8Array {
  return littleEndian(value, 4).toReversed();
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const body = concat([latin1(type), data]);
  return concat([bigEndian(data.length), body, bigEndian(crc32(body))]);
}

/** A PNG file with the text `value` under a keyword, and without pixels. */
export function pngWithText(keyword: string, value: string): Uint8Array {
  return concat([SIGNATURE, chunk("iTXt", concat([latin1(keyword), new Uint8Array(5), utf8(value)])), END]);
}

const DATA: readonly (readonly [type: string, data: Uint8Array])[] = [
  ["tEXt", latin1("k\0value")],
  ["tEXt", latin1("__proto__\0polluted")],
  ["zTXt", concat([latin1("z\0\0"), deflateSync("hello".repeat(50))])],
  ["iTXt", concat([latin1("i\0\x01\0en\0t\0"), deflateSync("grüß")])],
  ["iTXt", latin1("j\0\0\0\0\0plain")],
  ["IDAT", new Uint8Array(10)],
  ["IHDR", new Uint8Array(13)],
];

/** More text than the limit of a file, compressed to a thousandth. */
const BOMB = chunk("zTXt", concat([latin1("bomb\0\0"), deflateSync(Buffer.alloc(2 ** 23))]));

function randomPng(random: Random): Uint8Array {
  const others = DATA.map(([, data]) => data);
  const chunks = random.list(1 + random.below(5), () => {
    const [type, data] = random.pick(DATA);
    const other = random.chance(0.1) ? random.pick(["zTXt", "iTXt", "tEXt", "IEND", "\0\0\0\0"]) : type;
    return chunk(other, random.chance(0.6) ? mutateBytes(data, random, others) : data);
  });
  return concat([SIGNATURE, ...chunks, ...(random.chance(0.002) ? [BOMB] : []), END]);
}

/** XMP packets as other programs might write them into any file. */
function randomXmp(random: Random): Uint8Array {
  const tags = [
    "<d:keyword>",
    "</d:keyword>",
    "<d:text>",
    "</d:text>",
    "<rdf:li>",
    "&#10;",
    "&#99999999;",
    "&#x41;",
    "</x:xmpmeta>",
  ];
  const begin = random.pick(["\xff\xd8\xff\xe1", "RIFF\xff\xff\xff\xffWEBPXMP "]);
  const parts = random.list(random.length(random.chance(0.02) ? 5000 : 30), () =>
    random.chance(0.6) ? random.pick(tags) : randomText(random, 3, 50),
  );
  return concat([latin1(begin), utf8(`<x xmlns:d="https://www.npmjs.com/package/dalle2-webgpu#">${parts.join("")}`)]);
}

function imageInputs(files: readonly Uint8Array[]): Inputs {
  return mixed(
    [4, made((random) => mutateBytes(random.pick(files), random, files))],
    [5, made(randomPng)],
    [2, made(randomXmp)],
  );
}

/** The texts in image files. */
export async function imageText(): Promise<Target> {
  const image = { width: 2, height: 2, channels: 3, data: new Uint8Array(12) } as const;
  const seeds = [
    await encodePng(image, { text: { Description: "a & <b> ü\u{1F600}", dalle2: "{}" } }),
    ...corpus("image-text"),
  ];
  return { seeds, inputs: imageInputs(seeds), refusals: ["ImageDecodeError"], run: checkTexts };

  async function checkTexts(bytes: Uint8Array): Promise<void> {
    const texts = await readImageText(bytes);
    for (const [keyword, value] of texts) {
      promise(typeof keyword === "string" && typeof value === "string", "a text that is no string");
    }
    // Writing takes ten times as long as reading.
    if (bytes.length % 16 !== 0) return;
    const kept = [...texts].filter(
      ([keyword]) => /^[\x20-\x7e\xa1-\xff]{1,79}$/.test(keyword) && keyword !== "__proto__",
    );
    const again = await readImageText(await encodePng(image, { text: Object.fromEntries(kept) }));
    for (const [keyword, value] of kept)
      promise(again.get(keyword) === Buffer.from(value).toString(), "a text changes when it is written");
  }
}
