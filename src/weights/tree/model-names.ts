// What the names of tensors tell, defined by each model family. This folder knows no family.

/** The kinds of models in a load config. */
export type ModelKind = "prior" | "decoder" | "clip";

/** A model inside a larger module or a dict. */
export interface Anchor {
  /** The prefix of its names there: empty, or ends with a dot. */
  readonly prefix: string;
  /** Which component it is. */
  readonly component: string;
}

/** The names of a kind of model, or of a part that is saved separately. */
export interface ComponentNames {
  /** Its kind in a load config; undefined if a load config cannot ask for it. */
  readonly kind: ModelKind | undefined;
  /** Its name in messages: "a decoder". */
  readonly words: string;
  /**
   * Of several models in a file, those of the lowest rank are preferred: 0 whole models, 1 separate parts, 2 models saved
   * with others.
   */
  readonly rank: number;
  /** True if it can have a tensor with this name. Other names beside its own are from its training. Default: all. */
  readonly isOwn?: (name: string) => boolean;
  /** True if its tensors may be spread over several dicts. */
  readonly isSpread?: boolean;
}

/** The names of some families. */
export interface ModelNames {
  readonly components: ReadonlyMap<string, ComponentNames>;
  /** The model that a tensor with this name belongs to, if the name tells. */
  readonly anchorOf: (name: string) => Anchor | undefined;
  /** Prefixes in a model that are not part of it and are never read. */
  readonly dropped: readonly string[];
  /** The list of networks in a model for which a trainer kept averages, in a list of their own. */
  readonly averagedList?: string;
}

/** No known names: files contain plain state dicts. */
export const NO_NAMES: ModelNames = { components: new Map(), anchorOf: () => undefined, dropped: [] };

/** The names of several families together. If a name matches several, the first counts. */
export function joinedNames(all: readonly ModelNames[]): ModelNames {
  const averagedList = all.find((names) => names.averagedList !== undefined)?.averagedList;
  return {
    components: new Map(all.toReversed().flatMap(({ components }) => [...components])),
    anchorOf: (name) => {
      for (const { anchorOf } of all) {
        const anchor = anchorOf(name);
        if (anchor) return anchor;
      }
      return undefined;
    },
    dropped: all.flatMap(({ dropped }) => dropped),
    ...(averagedList !== undefined && { averagedList }),
  };
}
