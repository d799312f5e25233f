// Repositories of models on the hub: their ids, and the addresses of their files.
import { FileError } from "../../platform/errors.js";
import { HUB, hubPath } from "../hub.js";
import { FOLDER_INDEX } from "./file-folder.js";

/** A repository of models on the hub, in one revision. */
export interface HubPlace {
  /** `org/name`. */
  readonly id: string;
  /** A branch, tag or commit. */
  readonly revision: string;
}

const MAIN = "main";
const NAME = /^(?!.*(?:--|\.\.))\w[\w.-]{0,95}$/;

/** A path of a file that does not exist is a mistake, and no repository. */
const FILE = /\.(?:json|safetensors|ckpt|pth|pt|bin|txt|png|jpe?g|webp)$/i;

/** The place that a hub id names: `org/name` or `org/name@revision`. Undefined for any other text. */
export function parseHubId(text: string): HubPlace | undefined {
  const [, org = "", name = "", revision = MAIN] = /^([^/@]+)\/([^/@]+)(?:@([^@\s\\]+))?$/.exec(text) ?? [];
  const isId = NAME.test(org) && NAME.test(name) && !FILE.test(name);
  return isId && isRevision(revision) ? { id: `${org}/${name}`, revision } : undefined;
}

function isRevision(text: string): boolean {
  return text.split("/").every((part) => /^\w[\w.+-]*$/.test(part));
}

/**
 * The place that the address of a repository on the hub names: `https://huggingface.co/org/name`, also with `/tree/REVISION` and
 * `/model_index.json`. Undefined for other URLs. Throws FileError for a folder inside of a repository.
 */
export function hubPlaceOf(url: string): HubPlace | undefined {
  const path = hubPath(url);
  if (path === undefined) return undefined;
  const parts = path
    .replace(/[?#].*$/, "")
    .split("/")
    .filter(Boolean)
    .map(decodeURIComponent);
  const [org = "", name = "", view, ...rest] = parts;
  const place = parseHubId(`${org}/${name}`);
  if (!place || (view !== undefined && !["tree", "blob", "resolve"].includes(view))) return undefined;
  if (view === undefined) return place;
  if (rest.at(-1) === FOLDER_INDEX) rest.pop();
  else if (view !== "tree") return undefined;
  // The only names of revisions with slashes that the hub gives itself are refs/pr/N.
  const length = rest[0] === "refs" ? 3 : 1;
  if (rest.length > length || !isRevision(rest.join("/"))) {
    throw new FileError(url, "is not the address of a repository: folders inside of one are not supported", {
      advice: "give https://huggingface.co/ORG/NAME or https://huggingface.co/ORG/NAME/tree/REVISION",
    });
  }
  return { ...place, revision: rest.join("/") };
}

/** A place as people write it: `org/name`, or `org/name@revision`. */
export function hubId({ id, revision }: HubPlace): string {
  return revision === MAIN ? id : `${id}@${revision}`;
}

/** The address of a repository. */
export function hubUrl({ id, revision }: HubPlace): string {
  return revision === MAIN ? `${HUB}/${id}` : `${HUB}/${id}/tree/${encodeURIComponent(revision)}`;
}

/** The address of a file. */
export function hubFileUrl({ id, revision }: HubPlace, path: string): string {
  const encoded = path.split("/").map(encodeURIComponent).join("/");
  return `${HUB}/${id}/resolve/${encodeURIComponent(revision)}/${encoded}`;
}

/** The address of the list of files, with sizes and hashes. */
export function hubListUrl({ id, revision }: HubPlace): string {
  return `${HUB}/api/models/${id}/revision/${encodeURIComponent(revision)}?blobs=true`;
}
