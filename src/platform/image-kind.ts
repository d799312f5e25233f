import { ImageDecodeError, MAX_PIXELS } from "./image-types.js";

/** The first bytes of files by format; `?` matches any byte. Formats from HEIC on cannot be decoded. */
const SIGNATURES: readonly (readonly [name: string, start: string])[] = [
  ["PNG", "\x89PNG\r\n"],
  ["JPEG", "\xff\xd8\xff"],
  ["WebP", "RIFF????WEBP"],
  ["GIF", "GIF8"],
  ["TIFF", "II*\0"],
  ["TIFF", "MM\0*"],
  ["AVIF", "????ftypavi"],
  ["HEIC", "????ftyphe"],
  ["HEIC", "????ftypm?f1"],
  ["JPEG XL", "\xff\x0a"],
  ["JPEG XL", "\0\0\0\x0cJXL "],
  ["JPEG 2000", "\0\0\0\x0cjP  "],
  ["BMP", "BM"],
  ["Windows icon", "\0\0\x01\0"],
  ["Photoshop", "8BPS"],
  ["PDF", "%PDF"],
];

/** The format of an image file, by its first bytes; undefined if it is unknown. */
export function imageKind(bytes: Uint8Array): string | undefined {
  const start = String.fromCharCode(...bytes.subarray(0, 512));
  const found = SIGNATURES.find(([, signature]) => beginsWith(start, signature));
  return found?.[0] ?? (/^\s*(?:<\?xml[^]*)?<svg\b/.test(start) ? "SVG" : undefined);
}

function beginsWith(text: string, signature: string): boolean {
  return Array.from(signature).every((letter, i) => letter === "?" || text[i] === letter);
}

const GIVE_ANOTHER = "give a PNG, JPEG or WebP file";
const DECODED = new Set(["PNG", "JPEG", "WebP", "GIF", "TIFF", "AVIF", "SVG"]);

/** The error for bytes that cannot be decoded. `reason` is the decoder's message; it may be empty. */
export function undecodable(bytes: Uint8Array, reason: string, cause: unknown): ImageDecodeError {
  const options = { cause, advice: GIVE_ANOTHER };
  if (bytes.length === 0) return new ImageDecodeError("the file is empty (0 bytes)", options);
  const kind = imageKind(bytes);
  if (kind === undefined) return new ImageDecodeError("this is not an image in a known format", options);
  if (!DECODED.has(kind)) return new ImageDecodeError(`${kind} files are not supported`, options);
  // Only the first line of the decoder's message.
  const [first = ""] = reason.split("\n");
  const said = first === "" ? "" : ` (${first})`;
  return new ImageDecodeError(`the ${kind} image cannot be decoded: the file is damaged or truncated${said}`, {
    cause,
    advice: "save or download it again",
  });
}

/** Throws ImageDecodeError if an image has too many pixels. */
export function checkPixels(bytes: Uint8Array, width: number, height: number): void {
  if (width * height <= MAX_PIXELS) return;
  const millions = (count: number) => `${(count / 1e6).toFixed(1)} million`;
  throw new ImageDecodeError(
    `the ${imageKind(bytes) ?? ""} image has ${width} × ${height} pixels, ${millions(width * height)}; the maximum is ${millions(MAX_PIXELS)}`,
    { advice: "resize it" },
  );
}
