import { FileError } from "../platform/errors.js";

/** The content of a checksum file. */
export interface Checksum {
  /** In lower-case hexadecimal. */
  readonly sha256: string;
  /** In bytes, if the checksum file has it. */
  readonly size?: number | undefined;
}

const LFS_POINTER = "version https://git-lfs.github.com/spec/v1";

/**
 * Reads a git LFS pointer (its specification, version 1), a bare SHA-256, or the line for `filename` in output of
 * `sha256sum`. Undefined if the text is none of these. Throws FileError if it lists only other files.
 */
export function parseChecksum(text: string, filename: string, location: string): Checksum | undefined {
  const content = text.trim();
  if (content.startsWith(LFS_POINTER)) return parsePointer(content);
  if (/^[0-9a-f]{64}$/i.test(content)) return { sha256: content.toLowerCase() };
  const lines = content
    .split(/\r?\n/)
    .filter((line) => !/^\s*(#|$)/.test(line))
    .map(parseLine);
  if (lines.length === 0 || !lines.every((line) => line !== undefined)) return undefined;
  const found = lines.find(({ name }) => name === filename) ?? (lines.length === 1 ? lines[0] : undefined);
  if (found) return { sha256: found.sha256.toLowerCase() };
  const names = lines.slice(0, 20).map(({ name }) => name);
  if (names.length < lines.length) names.push("…");
  throw new FileError(location, `has checksums for ${names.join(", ")}, but none for ${filename}`, {
    code: "file/checksum",
  });
}

function parsePointer(text: string): Checksum | undefined {
  const sha256 = /^oid sha256:([0-9a-f]{64})$/m.exec(text)?.[1];
  const size = /^size (\d+)$/m.exec(text)?.[1];
  return sha256 === undefined ? undefined : { sha256, size: size === undefined ? undefined : Number(size) };
}

/** A line of `sha256sum`, or of `sha256sum --tag` and the BSDs. The name has no folders. */
function parseLine(line: string): { sha256: string; name: string } | undefined {
  const [, plain, name] = /^([0-9a-f]{64}) [ *](.+)$/i.exec(line) ?? [];
  const [, taggedName, tagged] = /^SHA256 \((.+)\) = ([0-9a-f]{64})$/i.exec(line) ?? [];
  const [sha256, path] = [plain ?? tagged, name ?? taggedName];
  return sha256 === undefined || path === undefined ? undefined : { sha256, name: path.split("/").at(-1)! };
}
