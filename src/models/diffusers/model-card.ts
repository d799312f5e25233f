// The model card of a folder: README.md, whose front matter (YAML between two lines of dashes) describes it.
import { parseHubId } from "../../files/folder/hub-place.js";
import type { FileFolder } from "../../files/folder/file-folder.js";
import { checkSize, MAX_BYTES } from "../../platform/limits.js";

/** Its path in the folder. */
export const MODEL_CARD = "README.md";
/** The lines between the first two lines of dashes. */
const FRONT_MATTER = /^\uFEFF?---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(?:\r?\n|$)/s;
/** `prior: id`, `prior: [id]`, or `prior:` with a list below it, of which the first entry counts. */
const PRIOR = /^prior:[ \t]*(?:\[[ \t]*|\r?\n[ \t]*-[ \t]+)?["']?([^\s"'\],#]+)/m;

/**
 * The id on the hub of the folder with the prior for the decoder in this folder, as its model card names it; undefined if there is
 * no card, or it names none. Rejects with `FileError`.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/pipelines/pipeline_loading_utils.py#L1007-L1048
 */
export async function priorInCard(folder: FileFolder): Promise<string | undefined> {
  if (!(await folder.has(MODEL_CARD))) return undefined;
  const [, matter = ""] = FRONT_MATTER.exec(new TextDecoder().decode(await cardBytes(folder))) ?? [];
  const [, id = ""] = PRIOR.exec(matter) ?? [];
  return parseHubId(id) ? id : undefined;
}

/** The content of the model card. Rejects with `FileError` if there is none. */
export async function cardBytes(folder: FileFolder): Promise<Uint8Array<ArrayBuffer>> {
  const source = await folder.open(MODEL_CARD);
  try {
    checkSize(source.name, source.size, MAX_BYTES.config);
    return await source.read(0, source.size);
  } finally {
    await source.close();
  }
}
