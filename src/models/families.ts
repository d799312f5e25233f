// Every model family, one line each.
import { FormatError } from "../weights/errors.js";
import { joinedNames, type ModelNames } from "../weights/tree/model-names.js";
import { CLIP_MAKES } from "./clip/config/adapter-config.js";
import { clipNames } from "./clip/names.js";
import { dalle2Pytorch } from "./dalle2-pytorch/family.js";
import { refuseOtherPipeline } from "./diffusers/other-pipelines.js";
import { kandinsky } from "./kandinsky/family.js";
import { karlo } from "./karlo/family.js";
import { stableUnclip } from "./stable-unclip/family.js";
import { describeOpened } from "./describe-opened.js";
import type { Claim, Family } from "./family.js";
import type { Opened } from "./opened.js";

let all: readonly Family[] = [dalle2Pytorch, kandinsky, karlo, stableUnclip];

/** The known families, in the order in which they are asked. */
export function families(): readonly Family[] {
  return all;
}

/** Registers a family from outside of this package. Returns a function that removes it. */
export function registerFamily(family: Family): () => void {
  all = [...all, family];
  return () => {
    all = all.filter((one) => one !== family);
  };
}

/** What names of tensors tell: those of all families, and of CLIPs. */
export function modelNames(): ModelNames {
  return joinedNames([...all.map(({ names }) => names), clipNames]);
}

/** A family, and its model in a file or folder. */
export interface Claimed {
  readonly family: Family;
  readonly claim: Claim;
}

/**
 * The family of an opened file or folder; undefined if no family claims it. Throws `FormatError` for folders of pipelines that are
 * near those of a family.
 */
export function claimOf(opened: Opened): Claimed | undefined {
  for (const family of all) {
    const claim = family.claim(opened);
    if (claim) return { family, claim };
  }
  refuseOtherPipeline(
    opened,
    all.map(({ supported }) => supported),
  );
  return undefined;
}

/** The same. Throws `FormatError` if no family claims it. */
export function familyOf(opened: Opened): Claimed {
  const claimed = claimOf(opened);
  if (claimed) return claimed;
  const supported = [...all.map((family) => family.supported), `CLIPs of ${CLIP_MAKES.join(", ")}`];
  throw new FormatError(
    opened.name,
    `unrecognised checkpoint: found ${describeOpened(opened)}; supported are ${supported.join("; ")}`,
    { advice: "check that it is the right file" },
  );
}
