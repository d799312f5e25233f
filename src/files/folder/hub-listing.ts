// The files of a repository on the hub, with their sizes and hashes.
import { cacheFolder, openFile } from "#platform";
import * as z from "zod/mini";
import { FileError } from "../../platform/errors.js";
import { parseJson } from "../../platform/json.js";
import { MAX_BYTES } from "../../platform/limits.js";
import { warnOnConsole } from "../../platform/printable.js";
import { fetchBytes } from "../fetch-bytes.js";
import { shortHash } from "../hash.js";
import { TransientError } from "../http-error.js";
import { KeptFile } from "../kept-file.js";
import { patienceOf, type RemoteOptions } from "../remote-options.js";
import { withRetries } from "../retry.js";
import { hubId, hubListUrl, type HubPlace } from "./hub-place.js";

const MAX_ATTEMPTS = 3;

/** A file on the hub. */
export interface ListedFile {
  readonly size: number | undefined;
  /** SHA-256 of a large file. */
  readonly sha256: string | undefined;
  /** Git's hash of a small file. */
  readonly blob: string | undefined;
}

/** What the hub says about a repository. */
export interface HubListing {
  /** Name of its licence, such as "creativeml-openrail-m"; undefined if the repository has none. */
  readonly licence: string | undefined;
  readonly files: ReadonlyMap<string, ListedFile>;
}

/**
 * The answer of the hub's API, as far as it is used.
 * @see https://huggingface.co/docs/hub/api#get-apimodelsrepoid-or-apimodelsrepoidrevisionrevision
 */
const answer = z.object({
  tags: z.nullish(z.array(z.string())),
  cardData: z.nullish(z.object({ license: z.nullish(z.union([z.string(), z.array(z.string())])) })),
  siblings: z.array(
    z.object({
      rfilename: z.string(),
      size: z.nullish(z.number()),
      blobId: z.nullish(z.string()),
      lfs: z.nullish(z.object({ sha256: z.nullish(z.string()), size: z.nullish(z.number()) })),
    }),
  ),
});

/**
 * Asks the hub for the files of a repository. The answer is kept, and used if the hub cannot be reached, with a warning, or if
 * no updates are wanted. Undefined if the server has no such list, as mirrors may have none; or if it cannot be reached and
 * `isDownloaded` says that there are files of the repository. Rejects with FileError.
 */
export async function listHub(
  place: HubPlace,
  isDownloaded: boolean,
  options: RemoteOptions,
): Promise<HubListing | undefined> {
  const kept = keptAnswer(place, options);
  const before = await readKept(kept);
  if ((before ?? isDownloaded) && options.checkUpdates === false) return before;
  try {
    const bytes = await ask(place, isDownloaded || before !== undefined, options);
    const listing = bytes && parse(bytes);
    if (listing && options.keep !== false) await kept.keep(bytes, hubListUrl(place)).catch(() => undefined);
    return listing;
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    if (!before && !isDownloaded) throw unreachable(place, error);
    const { onWarning: warn = warnOnConsole } = options;
    warn(`${error.message}. Could not check for a newer version of ${hubId(place)}; using the files that are here`);
    return before;
  }
}

/** The error if a repository was not downloaded before, and the hub cannot be asked. */
function unreachable(place: HubPlace, error: FileError): FileError {
  if (!(error instanceof TransientError)) return error;
  const { problem, isUnreachable, cause } = error;
  return new TransientError(hubId(place), `was not downloaded before, and the hub cannot be asked: ${problem}`, {
    cause,
    isUnreachable,
    advice: "try again with a connection, or give the path of a folder",
  });
}

function keptAnswer(place: HubPlace, options: RemoteOptions): KeptFile {
  const name = `${shortHash(hubListUrl(place))}-${hubId(place).replaceAll("/", "--")}.files.json`;
  return new KeptFile(options.cacheFolder ?? cacheFolder(), name);
}

async function readKept({ path }: KeptFile): Promise<HubListing | undefined> {
  const source = await openFile(path).catch(() => undefined);
  try {
    return source && parse(await source.read(0, Math.min(source.size, MAX_BYTES.config)));
  } finally {
    await source?.close();
  }
}

/** The answer; undefined if the server has no such list, or refuses it. */
async function ask(
  place: HubPlace,
  isKept: boolean,
  options: RemoteOptions,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const url = hubListUrl(place);
  const { attempts, ...rest } = patienceOf(options, isKept);
  // It may be no id at all, but a path with a mistake: do not wait as long as for a download.
  const patience = { ...rest, attempts: Math.min(attempts, MAX_ATTEMPTS) };
  try {
    return await withRetries(url, patience, options.signal, () =>
      fetchBytes(url, MAX_BYTES.config, { ...options, patience }),
    );
  } catch (error) {
    if (error instanceof FileError && !(error instanceof TransientError)) return undefined;
    throw error;
  }
}

/** The list in an answer; undefined if it is none. */
function parse(bytes: Uint8Array): HubListing | undefined {
  const { data } = answer.safeParse(jsonIn(bytes));
  if (!data) return undefined;
  const { cardData, tags, siblings } = data;
  const named = cardData?.license ?? tags?.find((tag) => tag.startsWith("license:"))?.slice("license:".length);
  const files = siblings.map(({ rfilename, size, lfs, blobId }): [string, ListedFile] => {
    const sha256 = lfs?.sha256?.toLowerCase();
    return [rfilename, { size: lfs?.size ?? size ?? undefined, sha256, blob: lfs ? undefined : (blobId ?? undefined) }];
  });
  return { licence: Array.isArray(named) ? named.join(", ") : named, files: new Map(files) };
}

function jsonIn(bytes: Uint8Array): unknown {
  try {
    return parseJson(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}
