// Whether a kept file is the current version of a file on a server.
import { FileError } from "../platform/errors.js";
import { warnOnConsole } from "../platform/printable.js";
import { publicUrl } from "../platform/secrets.js";
import { isFromElsewhere, type KeptFile, type KeptVersion } from "./kept-file.js";
import { askClaim, type Claim } from "./publication.js";
import { patienceOf, type RemoteFile, type RemoteOptions } from "./remote-options.js";
import type { RunPatience } from "./retry.js";
import { probe } from "./remote-state.js";

/** Whether the server has to be asked for a newer version of a kept file. */
export function needsCheck(version: KeptVersion, file: RemoteFile, { checkUpdates = true }: RemoteOptions): boolean {
  if (file.sha256 !== undefined) return file.sha256 !== version.record.sha256;
  return checkUpdates || isFromElsewhere(version.record, file.url);
}

/** Asks what the file should be; undefined if the kept file is current, or if the server cannot be asked. */
export async function newClaim(
  version: KeptVersion | undefined,
  file: RemoteFile,
  kept: KeptFile,
  options: RemoteOptions,
): Promise<Claim | undefined> {
  const patience = patienceOf(options, version !== undefined);
  try {
    const claim = await askClaim(file, patience, options);
    if (!version || !(await isCurrent(version, claim, file, patience, options))) return claim;
    await kept.confirm(version, file.url, claim.text);
  } catch (error) {
    if (!version || isFromElsewhere(version.record, file.url) || !(error instanceof FileError)) throw error;
    const { onWarning: warn = warnOnConsole } = options;
    warn(`${error.message}. Could not check for a newer version; using ${kept.path}`);
  }
  return undefined;
}

async function isCurrent(
  version: KeptVersion,
  claim: Claim,
  file: RemoteFile,
  patience: RunPatience,
  options: RemoteOptions,
): Promise<boolean> {
  if (claim.sha256 !== undefined) return claim.sha256 === version.record.sha256;
  if (isFromElsewhere(version.record, file.url)) return false;
  if (claim.text !== undefined) return claim.text === version.checksum;
  // As in dalle2-laion, a file with unknown origin is not replaced.
  const { size, version: known } = version.record;
  const state = await probe(file.url, patience, options);
  const isRenamed = known !== undefined && state.version !== undefined && known !== state.version;
  return !isRenamed && (state.size ?? size) === size;
}

/** Says why a kept file is downloaded again. */
export function reasonToReplace(version: KeptVersion, file: RemoteFile): string {
  if (isFromElsewhere(version.record, file.url)) {
    const [before, now] = [version.record.url ?? "another address", file.url].map(publicUrl);
    return `was downloaded from ${before}; replacing it with ${now}`;
  }
  return "the server has a newer version; downloading it (turn off the check for updates to use this one)";
}

export const IN_USE =
  "the server has a newer version, which is not downloaded as long as this page or another tab reads this one";
