/** Texts in JPEG and WebP files: an XMP packet (ISO 16684-1) of RDF with one entry for each keyword. */
import { ArgumentError } from "../platform/arguments.js";
import { concatBytes } from "../platform/bytes.js";
import type { Image } from "./image.js";
import type { ImageText } from "./png-text.js";

const RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
const OWN = "https://www.npmjs.com/package/dalle2-webgpu#";
const JPEG_HEADER = new TextEncoder().encode("http://ns.adobe.com/xap/1.0/\0");
/** Bytes in a JPEG segment, without the field for its length. */
const MAX_SEGMENT = 0xffff - 2;

/** Flags in the VP8X chunk of WebP. */
const WEBP_XMP = 0x04;
const WEBP_ALPHA = 0x10;

/** Creates an XMP packet with texts. */
export function xmpPacket(text: ImageText): Uint8Array {
  const entries = Object.entries(text).map(
    ([keyword, value]) =>
      `<rdf:li rdf:parseType="Resource"><d:keyword>${escapeXml(keyword)}</d:keyword><d:text>${escapeXml(value)}</d:text></rdf:li>`,
  );
  const texts = `<d:texts><rdf:Seq>${entries.join("")}</rdf:Seq></d:texts>`;
  const rdf = `<rdf:RDF xmlns:rdf="${RDF}"><rdf:Description rdf:about="" xmlns:d="${OWN}">${texts}</rdf:Description></rdf:RDF>`;
  const meta = `<x:xmpmeta xmlns:x="adobe:ns:meta/">${rdf}</x:xmpmeta>`;
  return new TextEncoder().encode(`<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>${meta}<?xpacket end="r"?>`);
}

/** Reads the texts of our first packet in a file of any format. Searches for its text, as XMP allows. */
export function readXmp(bytes: Uint8Array): ReadonlyMap<string, string> {
  const file = new TextDecoder().decode(bytes);
  const begin = file.indexOf(`xmlns:d="${OWN}"`);
  const packet = begin < 0 ? "" : file.slice(begin, file.indexOf("</x:xmpmeta>", begin));
  const entries = packet.matchAll(/<d:keyword>([^<]*)<\/d:keyword><d:text>([^<]*)<\/d:text>/g);
  return new Map([...entries].map(([, keyword, value]) => [unescapeXml(keyword!), unescapeXml(value!)]));
}

// XML allows no control characters except these three, not even escaped.
function escapeXml(text: string): string {
  const allowed = text.replace(/[^\P{Cc}\t\n\r]|[\ufffe\uffff]/gu, "\ufffd");
  return allowed.replace(/[&<>\r]/g, (character) => `&#${character.charCodeAt(0)};`);
}

function unescapeXml(text: string): string {
  return text.replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)));
}

/** Inserts a packet after the first marker of a JPEG file. Throws ArgumentError if it does not fit into a segment. */
export function addXmpToJpeg(file: Uint8Array, packet: Uint8Array): Uint8Array<ArrayBuffer> {
  const content = concatBytes([JPEG_HEADER, packet]);
  if (content.length > MAX_SEGMENT)
    throw new ArgumentError("text", `A JPEG file holds at most ${MAX_SEGMENT} bytes of texts, got ${content.length}.`, {
      advice: "Use PNG.",
    });
  const segment = new Uint8Array(4);
  new DataView(segment.buffer).setUint32(0, 0xffe10000 + content.length + 2);
  const at = endOfJfif(file);
  return concatBytes([file.subarray(0, at), segment, content, file.subarray(at)]);
}

/** The JFIF segment, if there is one, must remain the first. */
function endOfJfif(file: Uint8Array): number {
  const hasJfif = file[2] === 0xff && file[3] === 0xe0;
  return hasJfif ? 4 + new DataView(file.buffer, file.byteOffset).getUint16(4) : 2;
}

/** Appends a packet to a WebP file, which is converted to the extended format if necessary. */
export function addXmpToWebp(file: Uint8Array, packet: Uint8Array, image: Image): Uint8Array<ArrayBuffer> {
  const content = file.subarray(12);
  const isExtended = String.fromCharCode(...content.subarray(0, 4)) === "VP8X";
  const extended = concatBytes(isExtended ? [content] : [riffChunk("VP8X", extendedHeader(image)), content]);
  extended[8]! |= WEBP_XMP;
  return riffChunk("RIFF", concatBytes([new TextEncoder().encode("WEBP"), extended, riffChunk("XMP ", packet)]));
}

/** Flags, then width - 1 and height - 1 in 24 bits each. */
function extendedHeader({ width, height, channels }: Image): Uint8Array {
  const header = new Uint8Array(10);
  const view = new DataView(header.buffer);
  view.setUint32(0, channels === 4 ? WEBP_ALPHA : 0, true);
  view.setUint16(4, (width - 1) & 0xffff, true);
  view.setUint8(6, (width - 1) >> 16);
  view.setUint16(7, (height - 1) & 0xffff, true);
  view.setUint8(9, (height - 1) >> 16);
  return header;
}

/** Name, length, data, and a zero if the length is odd. */
function riffChunk(name: string, data: Uint8Array): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(8);
  header.set(new TextEncoder().encode(name));
  new DataView(header.buffer).setUint32(4, data.length, true);
  return concatBytes([header, data, new Uint8Array(data.length % 2)]);
}
