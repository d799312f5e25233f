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
import { ChangedError, restartOnChange } from "./changed.js";
import { fetchVerified, partOf } from "./download.js";
import { shortHash } from "./hash.js";
import { openUrl } from "./http.js";
import { isFromElsewhere, KeptFile, originAt, readRecord } from "./kept-file.js";
import { askOnce } from "./persistence.js";
import { askClaim, type Claim } from "./publication.js";
import { patienceOf, type RemoteFile, type RemoteOptions } from "./remote-options.js";
import { checkAddress } from "./request.js";
import { RunningDownload, type Readers } from "./running-download.js";
import { reserveSpace, type Reservation } from "./space.js";
import { TemporarySource } from "./temporary-source.js";
import { probe, type RemoteState } from "./remote-state.js";
import type { TransferOptions } from "./transfer.js";
import { IN_USE, needsCheck, newClaim, reasonToReplace } from "./updates.js";
import { openVerified } from "./verified-file.js";

/** `openRemote` of downloads.ts. */
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
  if (options.early) return openEarly(kept.path, file, options, open);
  const known = running.get(kept.path);
  return known?.url === file.url ? onceComplete(known.download, options) : open(options);
}

/** Opens a file that is being downloaded already. */
async function onceComplete(download: RunningDownload, { onProgress, signal }: RemoteOptions): Promise<ByteSource> {
  const source = await download.open(onProgress, signal);
  try {
    await source.complete?.(signal);
    return source;
  } catch (error) {
    await source.close();
    throw error;
  }
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
  const room = await reserveRoom(file, state, kept.folder, part.path);
  const origin = { ...originAt(file.url), version };
  let release = (): void => undefined;
  try {
    // So that no other tab clears it meanwhile.
    release = await holdFile(part.path);
    await kept.begin(name, { ...origin, size });
    const transfer = transferOptions(file, state, options, { arrived: begin(readers, state, isResumable), room });
    const verified = await fetchVerified(file.url, claim, state, part, transfer);
    const install = () => kept.install(name, { ...origin, ...verified }, claim.text).then(() => true);
    // A damaged version is replaced in any case.
    const isDone = await (isReplacing ? unlessHeld(kept.path, install) : install());
    if (!isDone) (options.onWarning ?? warnOnConsole)(`${kept.path}: ${IN_USE}`);
  } finally {
    release();
    room?.release();
  }
}

/** Lets a file be read before it is complete, if its bytes stay the same when a connection breaks. */
function begin(readers: Readers | undefined, state: RemoteState, isResumable: boolean): ArrivedBytes | undefined {
  if (!readers || !isResumable || state.size === undefined) return undefined;
  readers.begin(state);
  return readers.arrived;
}

async function reserveRoom(
  { url, maxBytes = MAX_BYTES.download }: RemoteFile,
  { size }: RemoteState,
  folder: string,
  part: string,
): Promise<Reservation | undefined> {
  if (size === undefined) return undefined;
  checkSize(url, size, maxBytes);
  return reserveSpace(url, folder, (await statFile(part))?.size ?? 0, size);
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
      const room = await reserveRoom(file, state, dirname(path), path);
      try {
        const part = { path, isResumable: state.isExact };
        const transfer = transferOptions(file, state, options, { arrived: begin(readers, state, state.isExact), room });
        await fetchVerified(file.url, claim, state, part, transfer);
      } finally {
        room?.release();
      }
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
  { arrived, room }: { readonly arrived: ArrivedBytes | undefined; readonly room: Reservation | undefined },
): TransferOptions {
  const { fetch, signal } = options;
  const file = publicUrl(url);
  let last = -Infinity;
  const onProgress = (loadedBytes: number): void => {
    room?.advance(loadedBytes);
    const now = performance.now();
    if (loadedBytes !== totalBytes && now - last < 100) return;
    last = now;
    options.onProgress?.({ file, loadedBytes, totalBytes });
  };
  return { fetch, signal, patience: patienceOf(options), maxBytes, onProgress, arrived };
}
