import { locksFiles, statFile } from "#platform";
import { FileError } from "../platform/errors.js";
import { TooLargeError } from "../platform/limits.js";
import type { FileStat } from "../platform/platform.js";
import { ChangedError } from "./changed.js";
import { shortHash, sumsOfFile, type FileSums } from "./hash.js";
import { removeOrigin, removePart } from "./kept-file.js";
import type { Claim } from "./publication.js";
import { RunningSums } from "./running-sums.js";
import type { RemoteState } from "./remote-state.js";
import { transfer, type PartFile, type TransferOptions } from "./transfer.js";

/** The name of a part: by its content if that is known, else a random one that no other process uses. */
export function partOf(url: string, { sha256 }: Claim, state?: RemoteState) {
  if (sha256 !== undefined) return { name: sha256.slice(0, 16), isResumable: true };
  if (state?.isExact) return { name: shortHash(JSON.stringify([url, state.version, state.size])), isResumable: true };
  return { name: crypto.randomUUID(), isResumable: false };
}

/**
 * Fetches what is missing of a part, and returns its size, time and checksums. Where other processes may have written to it,
 * or a part of it is of an earlier run, the whole file is read again for them. A part with wrong bytes, or one that cannot be resumed, is removed.
 */
export async function fetchVerified(
  url: string,
  claim: Claim,
  state: RemoteState,
  part: PartFile,
  options: TransferOptions,
): Promise<FileStat & FileSums> {
  if (claim.size !== undefined && state.size !== undefined && claim.size !== state.size) {
    throw new FileError(url, `the file has ${state.size} bytes on the server, but ${claim.size} by ${claim.source}`, {
      advice: "try again later",
    });
  }
  const wasBegun = ((await statFile(part.path))?.size ?? 0) > 0;
  const running = locksFiles ? new RunningSums() : undefined;
  const onBytes =
    running &&
    ((offset: number, bytes: Uint8Array) => {
      running.add(offset, bytes);
    });
  await transfer(url, state, part, { ...options, onBytes }).catch(async (error: unknown) => {
    if (!part.isResumable || error instanceof TooLargeError) await removePart(part.path);
    throw error instanceof ChangedError ? await changed(url, part) : error;
  });
  const stat = await statFile(part.path);
  const sums = (await running?.finish(stat?.size ?? 0)) ?? (await sumsOfFile(part.path, options.signal));
  // Another process moved the part to its place, or removed it and started again.
  if (!stat || sums?.size !== stat.size || stat.size !== (state.size ?? stat.size)) throw await changed(url, part);
  const { sha256 } = sums;
  if (sha256 === (claim.sha256 ?? sha256)) return { ...stat, ...sums };
  options.arrived?.distrust();
  await removePart(part.path);
  if (wasBegun) throw new ChangedError(url, "what an earlier run had downloaded was damaged, and was removed");
  const by = claim.source === undefined ? "" : ` as ${claim.source} says`;
  throw new FileError(
    url,
    `its SHA-256 is ${sha256}, not ${claim.sha256}${by}; the server has another file, and nothing was saved`,
    { code: "file/checksum" },
  );
}

/** The error if a part is not what it was. If another process has taken it, its origin may have been written after that. */
async function changed(url: string, part: PartFile): Promise<ChangedError> {
  if (!(await statFile(part.path))) await removeOrigin(part.path);
  return new ChangedError(url);
}
