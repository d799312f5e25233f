import { cacheFolder, exclusively, join, openFile, removeFile } from "#platform";
import { FileError } from "../platform/errors.js";
import { MAX_BYTES } from "../platform/limits.js";
import { warnOnConsole } from "../platform/printable.js";
import { publicUrl } from "../platform/secrets.js";
import type { ByteSource } from "../platform/source.js";
import { fetchVerified, partOf, settled } from "./download.js";
import { shortHash } from "./hash.js";
import type { UnreachableHosts } from "./unreachable-hosts.js";
import { isFromElsewhere, KeptFile, originAt, type KeptVersion } from "./kept-file.js";
import { PATIENCE, type Patience } from "./patience.js";
import { askClaim, type Claim, type PublishedFile } from "./publication.js";
import { checkAddress, type HttpOptions } from "./request.js";
import type { RunPatience } from "./retry.js";
import { TemporarySource } from "./temporary-source.js";
import { ChangedError, probe, type RemoteState, type TransferOptions } from "./transfer.js";

/** A file on a server that is kept on this machine once it was fetched. */
export interface RemoteFile extends PublishedFile {
  /** Folder it is kept in under `filename`, as dalle2-laion keeps it. Default: the user's cache. */
  readonly folder?: string | undefined;
  /** Its name in the folder. */
  readonly filename: string;
  /** A larger file is refused. Default: 256 GiB. */
  readonly maxBytes?: number | undefined;
}

/** How far the transfer of a file is. */
export interface DownloadProgress {
  /** The URL, without the secrets in it. */
  readonly file: string;
  /** What has arrived. */
  readonly loadedBytes: number;
  /** Undefined where the server does not say. */
  readonly totalBytes: number | undefined;
}

export interface RemoteOptions extends HttpOptions {
  /** Instead of the user's cache (`cacheFolder` of the platform). */
  readonly cacheFolder?: string | undefined;
  /** Default true; with false, what is kept is used without asking the server for a newer version. */
  readonly checkUpdates?: boolean | undefined;
  /** Default true; with false, a file without `folder` is fetched each time and removed when its source is closed. */
  readonly keep?: boolean | undefined;
  /** Servers that could not be reached in this run, which are not tried again. Default: none is known. */
  readonly hosts?: UnreachableHosts | undefined;
  /** Called ten times a second at most, and at the end. */
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  /** Takes what the user should know although the file can be opened; default `console.warn`. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

/**
 * Opens a file on a server from the folder it is kept in, to which it is downloaded the first time and whenever the server
 * has a newer version. Its bytes are verified by their SHA-256 where that is published, else by their number. An
 * interrupted download goes on where it stopped. Where the server cannot be asked, what is kept is used, with a warning.
 *
 * Any number of processes may do this with the same folder at a time, and be killed at any moment: a file in its place is
 * always whole. Rejects with FileError; the caller closes the source.
 */
export async function openRemote(file: RemoteFile, options: RemoteOptions = {}): Promise<ByteSource> {
  checkAddress(file.url);
  if (/[/\\]|^\.{0,2}$/.test(file.filename)) {
    throw new FileError(file.url, `cannot be kept as "${file.filename}", which is not the name of a file`, {
      advice: "choose another",
    });
  }
  const cache = options.cacheFolder ?? cacheFolder();
  if (file.folder === undefined && options.keep === false) return openOnce(file, cache, options);
  // Files of the same name from different places have each its own place in the user's cache.
  const name = file.folder === undefined ? `${shortHash(file.url)}-${file.filename}` : file.filename;
  const kept = new KeptFile(file.folder ?? cache, name);
  return exclusively(kept.path, async () => {
    await settled(() => bringUpToDate(file, kept, options));
    return openFile(kept.path);
  });
}

async function bringUpToDate(file: RemoteFile, kept: KeptFile, options: RemoteOptions): Promise<void> {
  const { onWarning: warn = warnOnConsole } = options;
  const onDamaged = (): void => {
    warn(`${kept.path}: its bytes are not those that were downloaded; it is downloaded again`);
  };
  const version = await kept.current(file.sha256, onDamaged, options.signal);
  if (version && !needsCheck(version, file, options)) return;
  const claim = await newClaim(version, file, kept, options);
  if (!claim) return;
  if (version) warn(`${kept.path}: ${reasonToReplace(version, file)}`);
  else if (file.folder === undefined) sayOnce(kept.folder, warn);
  await download(file, kept, claim, options);
  // Another process may have replaced it already, or cleared the folder.
  if (!(await kept.current(file.sha256, onDamaged, options.signal))) throw new ChangedError(file.url);
}

function needsCheck(version: KeptVersion, file: RemoteFile, { checkUpdates = true }: RemoteOptions): boolean {
  if (file.sha256 !== undefined) return file.sha256 !== version.record.sha256;
  return checkUpdates || isFromElsewhere(version.record, file.url);
}

/** Asks what the file should be; undefined where it is that already, or where the server cannot be asked. */
async function newClaim(
  version: KeptVersion | undefined,
  file: RemoteFile,
  kept: KeptFile,
  options: RemoteOptions,
): Promise<Claim | undefined> {
  const { stall, ...rest } = patienceOf(options);
  // Whoever can go on without an answer does not wait long for one.
  const patience = version ? { ...rest, attempts: 1, stall: Math.min(stall, 10_000) } : { ...rest, stall };
  try {
    const claim = await askClaim(file, patience, options);
    if (!version || !(await isCurrent(version, claim, file, patience, options))) return claim;
    await kept.confirm(version, file.url, claim.text);
  } catch (error) {
    if (!version || isFromElsewhere(version.record, file.url) || !(error instanceof FileError)) throw error;
    const { onWarning: warn = warnOnConsole } = options;
    warn(`${error.message}. Whether there is a newer version is not known; ${kept.path} is used as it is`);
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
  // As upstream, what nothing is known of is left as it is.
  const { size, version: known } = version.record;
  const state = await probe(file.url, patience, options);
  const isRenamed = known !== undefined && state.version !== undefined && known !== state.version;
  return !isRenamed && (state.size ?? size) === size;
}

function reasonToReplace(version: KeptVersion, file: RemoteFile): string {
  if (isFromElsewhere(version.record, file.url)) {
    const [before, now] = [version.record.url ?? "another address", file.url].map(publicUrl);
    return `is from ${before}; the file of ${now} takes its place`;
  }
  return "the server has a newer version, which takes its place; without a check for updates this one would be used";
}

const said = new Set<string>();

function sayOnce(folder: string, say: (message: string) => void): void {
  if (said.has(folder)) return;
  said.add(folder);
  say(
    `Downloads are kept in ${folder}; set DALLE2_CACHE to use another folder, see "dalle2 cache" to list and clear it`,
  );
}

async function download(file: RemoteFile, kept: KeptFile, claim: Claim, options: RemoteOptions): Promise<void> {
  const state = await probe(file.url, patienceOf(options), options);
  const { name, isResumable } = partOf(file.url, claim, state);
  const { version, size } = state;
  const origin = { ...originAt(file.url), version };
  await kept.begin(name, { ...origin, size });
  const part = { path: kept.partPath(name), isResumable };
  const verified = await fetchVerified(file.url, claim, state, part, transferOptions(file, state, options));
  await kept.install(name, { ...origin, ...verified }, claim.text);
}

/** Fetches a file that is removed when its source is closed, as dalle2-laion does without `cache_dir`. */
async function openOnce(file: RemoteFile, folder: string, options: RemoteOptions): Promise<ByteSource> {
  const path = join(folder, `once-${crypto.randomUUID()}-${file.filename}.part`);
  try {
    await settled(async () => {
      const claim = await askClaim(file, patienceOf(options), options);
      const state = await probe(file.url, patienceOf(options), options);
      await removeFile(path);
      const part = { path, isResumable: state.isExact };
      await fetchVerified(file.url, claim, state, part, transferOptions(file, state, options));
    });
    return new TemporarySource(await openFile(path), path);
  } catch (error) {
    await removeFile(path);
    throw error;
  }
}

function transferOptions(
  { url, maxBytes = MAX_BYTES.download }: RemoteFile,
  { size: totalBytes }: RemoteState,
  options: RemoteOptions,
): TransferOptions {
  const { fetch, signal } = options;
  const file = publicUrl(url);
  let last = -Infinity;
  const onProgress = (loadedBytes: number): void => {
    const now = performance.now();
    if (loadedBytes !== totalBytes && now - last < 100) return;
    last = now;
    options.onProgress?.({ file, loadedBytes, totalBytes });
  };
  return { fetch, signal, patience: patienceOf(options), maxBytes, onProgress };
}

function patienceOf({ patience, hosts, onWarning: warn = warnOnConsole }: RemoteOptions): RunPatience {
  const onRetry: Patience["onRetry"] = (problem, pause) => {
    warn(`${problem}; trying again in ${Math.ceil(pause / 1000)} s`);
  };
  return { ...PATIENCE, onRetry, ...patience, hosts };
}
