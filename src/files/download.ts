import { statFile } from "#platform";
import { FileError } from "../platform/errors.js";
import { TooLargeError } from "../platform/limits.js";
import type { FileStat } from "../platform/platform.js";
import { sha256OfFile, shortHash } from "./hash.js";
import { removePart } from "./kept-file.js";
import type { Claim } from "./publication.js";
import { ChangedError, transfer, type PartFile, type RemoteState, type TransferOptions } from "./transfer.js";

const ROUNDS = 4;

/** Begins anew where the file changed underway. */
export async function settled<Result>(body: () => Promise<Result>): Promise<Result> {
  for (let round = 1; ; round++) {
    try {
      return await body();
    } catch (error) {
      if (!(error instanceof ChangedError) || round === ROUNDS) throw error;
    }
  }
}

/** A part is named by its content; where that has no name, it gets one that nobody else will use. */
export function partOf(url: string, { sha256 }: Claim, { version, size, isExact }: RemoteState) {
  if (sha256 !== undefined) return { name: sha256.slice(0, 16), isResumable: true };
  if (isExact) return { name: shortHash(JSON.stringify([url, version, size])), isResumable: true };
  return { name: crypto.randomUUID(), isResumable: false };
}

/**
 * Fetches what is missing of a part, and gives its size, time and SHA-256. Its bytes are read back for it, because others
 * may have written some of them. A part that turns out wrong, or that nobody can go on with, is removed.
 */
export async function fetchVerified(
  url: string,
  claim: Claim,
  state: RemoteState,
  part: PartFile,
  options: TransferOptions,
): Promise<FileStat & { readonly sha256: string }> {
  if (claim.size !== undefined && state.size !== undefined && claim.size !== state.size) {
    throw new FileError(url, `the server has ${state.size} bytes, but ${claim.source} says ${claim.size}`, {
      advice: "try again later",
    });
  }
  const wasBegun = ((await statFile(part.path))?.size ?? 0) > 0;
  await transfer(url, state, part, options).catch(async (error: unknown) => {
    if (!part.isResumable || error instanceof TooLargeError) await removePart(part.path);
    throw error;
  });
  const stat = await statFile(part.path);
  const sha256 = await sha256OfFile(part.path, options.signal);
  // Another process has put the part in its place, or removed it and begun again.
  if (!stat || sha256 === undefined || stat.size !== (state.size ?? stat.size)) throw new ChangedError(url);
  if (sha256 === (claim.sha256 ?? sha256)) return { ...stat, sha256 };
  await removePart(part.path);
  // The bytes of an earlier run may have been the wrong ones.
  if (wasBegun) throw new ChangedError(url);
  const by = claim.source === undefined ? "" : `, as ${claim.source} says`;
  throw new FileError(
    url,
    `its SHA-256 is ${sha256}, not ${claim.sha256}${by}: the server has another file; nothing was kept`,
    { code: "file/checksum" },
  );
}
