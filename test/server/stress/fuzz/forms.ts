// Forms (multipart/form-data), whole and with faults.
import { concat, mutateBytes, utf8 } from "../../../fuzz/mutators/bytes.js";
import { randomText } from "../../../fuzz/mutators/text.js";
import { NASTY_NAMES } from "../../../fuzz/mutators/words.js";
import type { Random } from "../../../fuzz/random.js";

/** A form as it is sent. */
interface Form {
  readonly contentType: string;
  readonly body: Uint8Array;
}

const TYPES = [
  "image/png",
  "application/octet-stream",
  "text/plain; charset=utf-16",
  "image/svg+xml",
  "",
  "multipart/mixed; boundary=b",
];
const FILE_NAMES = ["a.png", "../../etc/passwd", "", 'a\\"b', "\0", "x".repeat(5000), "é.png"];
const NAMES = [
  ...NASTY_NAMES,
  "image[]",
  "image[0]",
  "image[1]",
  "mask",
  "dalle2[seed]",
  "dalle2[__proto__]",
  "dalle2[a][b]",
  "dalle2[",
  "",
];

/** A form of fields and files. */
export function formOf(
  fields: readonly (readonly [string, string])[],
  files: readonly (readonly [string, Uint8Array])[],
  random: Random,
): Form {
  const boundary = random.chance(0.95)
    ? `b${random.uint32()}`
    : random.pick(["-", "a b", '"', "x".repeat(80), "(?:a+)+$", "'"]);
  const parts = [
    ...fields.map(([name, value]) => field(name, value, random)),
    ...files.map(([name, bytes]) => file(name, bytes, random)),
  ];
  if (random.chance(0.2)) mutateParts(parts, random);
  const mark = utf8(`--${boundary}\r\n`);
  const pieces = parts.flatMap((part) => [mark, part, utf8("\r\n")]);
  const end = random.chance(0.98)
    ? `--${boundary}--\r\n`
    : random.pick(["", `--${boundary}`, `--${boundary}--${boundary}--`]);
  const whole = concat([...pieces, utf8(end)]);
  const said = random.chance(0.97) ? boundary : random.pick([`"${boundary}"`, `${boundary}; charset=x`, "other", ""]);
  return {
    contentType: `multipart/form-data; boundary=${said}`,
    body: random.chance(0.1) ? mutateBytes(whole, random) : whole,
  };
}

function field(name: string, value: string, random: Random): Uint8Array {
  const [shownName, shownValue] = [mutatedName(name, random), random.chance(0.06) ? randomText(random) : value];
  return part(`name="${shownName}"`, "", utf8(shownValue), random);
}

function file(name: string, bytes: Uint8Array, random: Random): Uint8Array {
  const type = random.chance(0.8) ? "image/png" : random.pick(TYPES);
  const fileName = random.chance(0.9) ? "a.png" : random.pick(FILE_NAMES);
  const named = random.chance(0.97)
    ? `; filename="${fileName}"`
    : random.pick(["", "; filename*=utf-8''%ff", "; filename"]);
  return part(`name="${mutatedName(name, random)}"${named}`, type, bytes, random);
}

function part(disposition: string, type: string, bytes: Uint8Array, random: Random): Uint8Array {
  const kind = random.chance(0.99) ? "form-data" : random.pick(["attachment", "", 'form-data; name="n"']);
  const extra = random.chance(0.02)
    ? random.pick(["Content-Transfer-Encoding: base64\r\n", "X: y\r\n".repeat(500), "\r\n"])
    : "";
  const head = `Content-Disposition: ${kind}; ${disposition}\r\n${type === "" ? "" : `Content-Type: ${type}\r\n`}${extra}\r\n`;
  return concat([utf8(head), bytes]);
}

function mutatedName(name: string, random: Random): string {
  return random.chance(0.96) ? name : random.pick(NAMES);
}

/** Removes a part, repeats one, or makes very many of one. */
function mutateParts(parts: Uint8Array[], random: Random): void {
  if (parts.length === 0) return;
  const at = random.below(parts.length);
  const one = parts[at]!;
  switch (random.below(3)) {
    case 0:
      parts.splice(at, 1);
      return;
    case 1:
      parts.push(one);
      return;
    default:
      if (one.length < 200) parts.push(...random.list(random.length(2000), () => one));
  }
}
