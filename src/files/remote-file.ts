import {
  cacheFolder,
  canKeepFiles,
  dirname,
  exclusively,
  holdFile,
  isHeld,
  join,
  noteOnDownloads,
  openFile,
  removeFile,
  statFile,
  unlessHeld,
} from "#platform";
import { FileError } from "../platform/errors.js";
import { checkSize, MAX_BYTES } from "../platform/limits.js";
import { warnOnConsole } from "../platform/printable.js";
import { publicUrl } from "../platform/secrets.js";
import type { ByteSource } from "../platform/source.js";
import type { ArrivedBytes } from "./arrived-bytes.js";
import { fetchVerified, partOf, restartOnChange } from "./download.js";
import { shortHash } from "./hash.js";
import { openUrl } from "./http.js";
import type { UnreachableHosts } from "./unreachable-hosts.js";
import { isFromElsewhere, KeptFile, originAt, readRecord, type KeptVersion } from "./kept-file.js";
import { PATIENCE, type Patience } from "./patience.js";
import { askOnce } from "./persistence.js";
import { askClaim, type Claim, type PublishedFile } from "./publication.js";
import { checkAddress, type HttpOptions } from "./request.js";
import { RunningDownload, type DownloadProgress, type Readers } from "./running-download.js";
import type { RunPatience } from "./retry.js";
import { checkSpace } from "./space.js";
import { TemporarySource } from "./temporary-source.js";
import { ChangedError, probe, type RemoteState, type TransferOptions } from "./transfer.js";
import { openVerified } from "./verified-file.js";

/** A file on a server that is kept on this machine after its download. */
export interface RemoteFile extends PublishedFile {
  /** Folder to keep it in under `filename`, as dalle2-laion does. Default: the user's cache. */
  readonly folder?: string | undefined;
  /** Its name in the folder. */
  readonly filename: string;
  /** Larger files are refused. Default: 256 GiB. */
  readonly maxBytes?: number | undefined;
}

export interface RemoteOptions extends HttpOptions {
  /** Replaces the user's cache (`cacheFolder` of the platform). */
  readonly cacheFolder?: string | undefined;
  /** If false, a kept file is used without asking the server for a newer version. Default true. */
  readonly checkUpdates?: boolean | undefined;
  /** If false, a file without `folder` is downloaded each time and removed when its source is closed. Default true. */
  readonly keep?: boolean | undefined;
  /**
   * If true, a file that has to be downloaded is opened as soon as its size is known: reads wait for their bytes, and `complete` for
   * the rest. Default false.
   */
  readonly early?: boolean | undefined;
  /** Servers that could not be reached in this run. They are not tried again. Default: none. */
  readonly hosts?: UnreachableHosts | undefined;
  /** Called at most ten times a second, and at the end. */
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  /** Receives warnings. Default: `console.warn`. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

/**
 * Opens a file on a server. It is downloaded to its folder the first time, and again if the server has a newer version. Its
 * bytes are verified by their SHA-256 if that is published, else by their number. An interrupted download resumes. If the
 * server cannot be asked, the kept file is used, with a warning.
 *
 * Any number of processes may do this with the same folder and may be killed at any time: a file is always complete under
 * its final name. Rejects with FileError. The caller closes the source.
 */
export async function openRemote(file: RemoteFile, options: RemoteOptions = {}): Promise<ByteSource> {
  checkAddress(file.url);
  if (/[/\\]|^\.{0,2}$/.test(file.filename)) {
    throw new FileError(file.url, `cannot be saved as "${file.filename}", which is not a valid file name`, {
      advice: "choose another filename",
    });
  }
  if (!(await canKeepFiles())) return openUnkept(file, options);
  if (file.folder === undefined && options.keep === false) {
    const path = join(options.cacheFolder ?? cacheFolder(), `once-${crypto.randomUUID()}-${file.filename}.part`);
    const open: OpenComplete = (asked, readers) => openOnce(file, path, asked, readers);
    return options.early ? openEarly(path, file, options, open) : open(options);
  }
  const kept = keptFileOf(file, options);
  const open: OpenComplete = (asked, readers) => openComplete(kept, file, asked, readers);
  return options.early ? openEarly(kept.path, file, options, open) : open(options);
}

/** Opens a file once it is complete. `readers` may read it before. */
type OpenComplete = (options: RemoteOptions, readers?: Readers) => Promise<ByteSource>;

/** The downloads that can be read, by the paths of their files. */
const running = new Map<string, { readonly url: string; readonly download: RunningDownload }>();

/** Opens a file as soon as its size is known. All who open it meanwhile read the same download. */
function openEarly(path: string, { url }: RemoteFile, options: RemoteOptions, open: OpenComplete): Promise<ByteSource> {
  const { onProgress, signal, fetch } = options;
  const known = running.get(path);
  if (known?.url === url) return known.download.open(onProgress, signal);
  const download = new RunningDownload({
    name: path,
    url,
    http: { fetch, patience: patienceOf(options) },
    run: (readers, signal, onProgress) => open({ ...options, signal, onProgress }, readers),
    onEnd: () => {
      if (running.get(path)?.download === download) running.delete(path);
    },
  });
  // One from another address comes after it.
  if (!known) running.set(path, { url, download });
  return download.open(onProgress, signal);
}

function openComplete(
  kept: KeptFile,
  file: RemoteFile,
  options: RemoteOptions,
  readers?: Readers,
): Promise<ByteSource> {
  return whenFree(kept, options, async () => {
    const mayRestart = (): boolean => readers?.mayRestart() ?? true;
    await restartOnChange(() => bringUpToDate(file, kept, options, readers), mayRestart);
    const record = readers && (await readRecord(kept.path));
    if (record) readers.expect(record);
    return openVerified(kept, { ...options, url: file.url });
  });
}

const SILENT_WAIT = 1000;

/** Runs `body` when no other call, in any tab, downloads the file. Says so if that takes long. */
async function whenFree<Result>(
  { path }: KeptFile,
  { onWarning: warn = warnOnConsole, signal }: RemoteOptions,
  body: () => Promise<Result>,
): Promise<Result> {
  const timer = setTimeout(() => {
    warn(`${path}: another tab or another call is downloading it; waiting for that`);
  }, SILENT_WAIT);
  const run = (): Promise<Result> => {
    clearTimeout(timer);
    return body();
  };
  try {
    return await exclusively(path, run, signal);
  } finally {
    clearTimeout(timer);
  }
}

/** Reads a file from its server each time, where nothing can be stored. */
function openUnkept({ url, maxBytes }: RemoteFile, options: RemoteOptions): Promise<ByteSource> {
  const { fetch, signal, patience, onWarning: warn = warnOnConsole } = options;
  warn(`${publicUrl(url)}: this page cannot store files, as in a private window; it is read from its server each time`);
  return openUrl(url, { fetch, signal, patience, maxBytes });
}

/**
 * Where a file is kept.
 *
 * @internal
 */
export function keptFileOf({ folder, url, filename }: RemoteFile, options: RemoteOptions): KeptFile {
  if (folder !== undefined) return new KeptFile(folder, filename);
  // In the user's cache, files with the same name from different URLs get different names.
  return new KeptFile(options.cacheFolder ?? cacheFolder(), `${shortHash(url)}-${filename}`);
}

/**
 * Opens the download of a file that was made before, without asking its server. Undefined if there is none, or if its SHA-256
 * is not that of `file`.
 */
export async function openKept(file: RemoteFile, options: RemoteOptions): Promise<ByteSource | undefined> {
  if ((file.folder === undefined && options.keep === false) || !(await canKeepFiles())) return undefined;
  const kept = keptFileOf(file, options);
  const version = await kept.current(file.sha256, () => undefined, options.signal);
  if (!version || isFromElsewhere(version.record, file.url)) return undefined;
  if (file.sha256 !== undefined && file.sha256 !== version.record.sha256) return undefined;
  return openVerified(kept, { ...options, url: file.url });
}

/** The bytes of an unfinished download of a file with this SHA-256. */
export async function bytesBegun(file: RemoteFile & { readonly sha256: string }, options: RemoteOptions) {
  const { name } = partOf(file.url, { sha256: file.sha256 });
  return (await statFile(keptFileOf(file, options).partPath(name)))?.size ?? 0;
}

async function bringUpToDate(
  file: RemoteFile,
  kept: KeptFile,
  options: RemoteOptions,
  readers: Readers | undefined,
): Promise<void> {
  const { onWarning: warn = warnOnConsole } = options;
  const onDamaged = (): void => {
    warn(`${kept.path}: the file was damaged or changed since its download; downloading it again`);
  };
  const version = await kept.current(file.sha256, onDamaged, options.signal);
  if (version && !needsCheck(version, file, options)) return;
  const claim = await newClaim(version, file, kept, options);
  if (!claim) return;
  if (version && (await isHeld(kept.path))) {
    warn(`${kept.path}: ${IN_USE}`);
    return;
  }
  if (version) warn(`${kept.path}: ${reasonToReplace(version, file)}`);
  else if (file.folder === undefined) warnOnce(kept.folder, warn);
  await download(file, kept, claim, options, { isReplacing: version !== undefined, readers });
  // Another process may have replaced it, or cleared the folder.
  if (!(await kept.current(file.sha256, onDamaged, options.signal))) throw new ChangedError(file.url);
}

function needsCheck(version: KeptVersion, file: RemoteFile, { checkUpdates = true }: RemoteOptions): boolean {
  if (file.sha256 !== undefined) return file.sha256 !== version.record.sha256;
  return checkUpdates || isFromElsewhere(version.record, file.url);
}

/** Asks what the file should be; undefined if the kept file is current, or if the server cannot be asked. */
async function newClaim(
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
  // As upstream, a file with unknown origin is not replaced.
  const { size, version: known } = version.record;
  const state = await probe(file.url, patience, options);
  const isRenamed = known !== undefined && state.version !== undefined && known !== state.version;
  return !isRenamed && (state.size ?? size) === size;
}

function reasonToReplace(version: KeptVersion, file: RemoteFile): string {
  if (isFromElsewhere(version.record, file.url)) {
    const [before, now] = [version.record.url ?? "another address", file.url].map(publicUrl);
    return `was downloaded from ${before}; replacing it with ${now}`;
  }
  return "the server has a newer version; downloading it (turn off the check for updates to use this one)";
}

const IN_USE =
  "the server has a newer version, which is not downloaded as long as this page or another tab reads this one";

const warnedFolders = new Set<string>();

function warnOnce(folder: string, say: (message: string) => void): void {
  if (warnedFolders.has(folder)) return;
  warnedFolders.add(folder);
  say(noteOnDownloads(folder));
}

interface DownloadUse {
  /** There is a version that can be used. It stays if someone has begun to read it. */
  readonly isReplacing: boolean;
  /** Those who read it meanwhile. */
  readonly readers: Readers | undefined;
}

async function download(
  file: RemoteFile,
  kept: KeptFile,
  claim: Claim,
  options: RemoteOptions,
  { isReplacing, readers }: DownloadUse,
): Promise<void> {
  const state = await probe(file.url, patienceOf(options), options);
  const { name, isResumable } = partOf(file.url, claim, state);
  const { version, size } = state;
  const part = { path: kept.partPath(name), isResumable };
  // Who names a folder looks after it.
  askOnce(file.folder === undefined ? (options.onWarning ?? warnOnConsole) : () => undefined);
  await checkRoom(file, state, kept.folder, part.path);
  const origin = { ...originAt(file.url), version };
  // So that no other tab clears it meanwhile.
  const release = await holdFile(part.path);
  try {
    await kept.begin(name, { ...origin, size });
    const transfer = transferOptions(file, state, options, begin(readers, state, isResumable));
    const verified = await fetchVerified(file.url, claim, state, part, transfer);
    const install = () => kept.install(name, { ...origin, ...verified }, claim.text).then(() => true);
    // A damaged version is replaced in any case.
    const isDone = await (isReplacing ? unlessHeld(kept.path, install) : install());
    if (!isDone) (options.onWarning ?? warnOnConsole)(`${kept.path}: ${IN_USE}`);
  } finally {
    release();
  }
}

/** Lets a file be read before it is complete, if its bytes stay the same when a connection breaks. */
function begin(readers: Readers | undefined, state: RemoteState, isResumable: boolean): ArrivedBytes | undefined {
  if (!readers || !isResumable || state.size === undefined) return undefined;
  readers.begin(state);
  return readers.arrived;
}

async function checkRoom(
  { url, maxBytes = MAX_BYTES.download }: RemoteFile,
  { size }: RemoteState,
  folder: string,
  part: string,
): Promise<void> {
  if (size === undefined) return;
  checkSize(url, size, maxBytes);
  const begun = (await statFile(part))?.size ?? 0;
  await checkSpace(url, folder, Math.max(0, size - begun), size);
}

/** Downloads a file that is removed when its source is closed, as dalle2-laion does without `cache_dir`. */
async function openOnce(
  file: RemoteFile,
  path: string,
  options: RemoteOptions,
  readers: Readers | undefined,
): Promise<ByteSource> {
  // Other tabs could clear it.
  const release = await holdFile(path);
  const mayRestart = (): boolean => readers?.mayRestart() ?? true;
  try {
    await restartOnChange(async () => {
      const claim = await askClaim(file, patienceOf(options), options);
      const state = await probe(file.url, patienceOf(options), options);
      await removeFile(path);
      await checkRoom(file, state, dirname(path), path);
      const part = { path, isResumable: state.isExact };
      const transfer = transferOptions(file, state, options, begin(readers, state, state.isExact));
      await fetchVerified(file.url, claim, state, part, transfer);
    }, mayRestart);
    return new TemporarySource(await openFile(path), path, release);
  } catch (error) {
    await removeFile(path).finally(release);
    throw error;
  }
}

function transferOptions(
  { url, maxBytes = MAX_BYTES.download }: RemoteFile,
  { size: totalBytes }: RemoteState,
  options: RemoteOptions,
  arrived: ArrivedBytes | undefined,
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
  return { fetch, signal, patience: patienceOf(options), maxBytes, onProgress, arrived };
}

/** When to retry requests for a file. With a kept file at hand, there is no long wait for an answer. */
export function patienceOf(
  { patience, hosts, onWarning: warn = warnOnConsole }: RemoteOptions,
  isKept = false,
): RunPatience {
  const onRetry: Patience["onRetry"] = (problem, pause) => {
    warn(`${problem}; trying again in ${Math.ceil(pause / 1000)} s`);
  };
  const all = { ...PATIENCE, onRetry, ...patience, hosts };
  return isKept ? { ...all, attempts: 1, stall: Math.min(all.stall, 10_000) } : all;
}
