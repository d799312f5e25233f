import * as z from "zod/mini";
import { parseHubId } from "../files/folder/hub-place.js";
import { isUrl } from "../files/open.js";
import type { FileLocation } from "./load-config-data.js";
import { rule } from "./rule.js";

/** Where files are looked up that are not beside a config. Only a config that was opened by a path has such a place. */
const ROOT = "in the working directory (in browsers: at the root of the origin private file system)";
const OPENED_BY_PATH = "If this config was opened by a path";
const RELATIVE = `A relative path starts at this config. ${OPENED_BY_PATH}, what is not there is looked up ${ROOT}.`;
const CACHE_DIR = `${OPENED_BY_PATH}: the folder for downloads, ${ROOT} if it exists there, else beside this config. Default: the user's cache (in browsers: the site's).`;
const NO_URL = "expected a URL (http or https)";
const url = z.string().check(z.refine(isAddress, { error: NO_URL }));

/** A name with folders would lead out of `cache_dir`. */
const filename = z.string().check(z.regex(/^(?!\.{1,2}$)[^/\\]+$/, { error: "expected a file name without folders" }));

/**
 * The location of a file (dalle2-laion's `File`).
 * @see https://github.com/LAION-AI/dalle2-laion/blob/d4ac5ffa3e24ac6efb133cc7ec8a7303481aa2fc/dalle2_laion/config.py#L18-L123
 */
export const file = z
  .strictObject({
    load_type: z.enum(["local", "url"]).check(z.describe("local: a file by its path. url: a file to download.")),
    path: z.string().check(z.minLength(1), z.describe(`Path or URL. ${RELATIVE}`)),
    checksum_file_path: z
      .nullish(url)
      .check(
        z.describe(
          "URL of the file's checksum: output of sha256sum, a SHA-256 in hexadecimal, or a git LFS pointer. URLs of the Hugging Face hub with /resolve/ need none.",
        ),
      ),
    cache_dir: z.nullish(z.string().check(z.minLength(1))).check(z.describe(CACHE_DIR)),
    filename_override: z
      .nullish(filename)
      .check(z.describe("Name of the download in cache_dir. Default: the URL's last part.")),
  })
  .check(
    rule(
      z.object({ load_type: z.literal("url"), path: z.string(), filename_override: z.optional(z.unknown()) }),
      (value) => {
        if (!isAddress(value.path)) return [{ path: ["path"], message: NO_URL, found: value.path }];
        if (value.filename_override || nameInUrl(value.path) !== "") return [];
        return [{ path: ["path"], message: "does not end with a file name; set filename_override" }];
      },
    ),
  )
  .register(z.globalRegistry, { id: "File", description: "Where a file is." });

const folderKeys = {
  load_type: z.enum(["local", "url"]).check(z.describe("local: a folder by its path. url: a folder to download.")),
  path: z
    .string()
    .check(
      z.minLength(1),
      z.describe(
        `Path of the folder; or its URL, or the id of a repository on the Hugging Face hub: org/name or org/name@revision. ${RELATIVE}`,
      ),
    ),
  cache_dir: z.nullish(z.string().check(z.minLength(1))).check(z.describe(CACHE_DIR)),
};

const isPlace = rule(z.object({ load_type: z.literal("url"), path: z.string() }), ({ path }) =>
  isAddress(path) || parseHubId(path)
    ? []
    : [{ path: ["path"], message: `${NO_URL} or the id of a repository: org/name`, found: path }],
);

/** The location of a folder of models, our own extension. */
const folder = z
  .strictObject(folderKeys)
  .check(isPlace)
  .register(z.globalRegistry, { id: "Folder", description: "Where a folder of models is." });

/** The location of a folder of models, and of the folder that its prior is in. */
export const pipelineFolder = z
  .strictObject({
    ...folderKeys,
    prior: z
      .nullish(folder)
      .check(
        z.describe(
          "The folder that the prior and CLIP are taken from. Default: the same folder; for a decoder alone, as those of Kandinsky 2.2 are, the folder of its prior (docs/checkpoints.md).",
        ),
      ),
  })
  .check(isPlace)
  .register(z.globalRegistry, { id: "Pipeline", description: "Where a folder of models is, and that of its prior." });

/**
 * The file name of a download (dalle2-laion's `File.filename`): what follows the last slash, without the query.
 * @see https://github.com/LAION-AI/dalle2-laion/blob/d4ac5ffa3e24ac6efb133cc7ec8a7303481aa2fc/dalle2_laion/config.py#L67-L75
 */
export function downloadName({ path, filename_override: override }: FileLocation): string {
  return override ?? nameInUrl(path);
}

function isAddress(text: string): boolean {
  return isUrl(text) && URL.canParse(text);
}

/** What follows the last slash of a URL, without the query. */
export function nameInUrl(text: string): string {
  return text
    .replace(/[?#].*$/, "")
    .split("/")
    .at(-1)!;
}
