// What names of tensors tell, as the families of models say it: this folder knows no family.

/** What a load config can ask a checkpoint for. */
export type ModelKind = "prior" | "decoder" | "clip";

/** A model in a larger module or a dict. */
export interface Anchor {
  /** What its names begin with there: empty, or ending with a dot. */
  readonly prefix: string;
  /** Which of the components it is. */
  readonly component: string;
}

/** A kind of model, or of a part of one that is saved alone. */
export interface ComponentNames {
  /** What a load config calls it; undefined for what none can ask for. */
  readonly kind: ModelKind | undefined;
  /** In the words of messages: "a decoder". */
  readonly words: string;
  /** Of several models in a file, those of the lowest rank are meant: 0 whole models, 1 parts alone, 2 what goes along with others. */
  readonly rank: number;
  /** Whether it can have a tensor of this name. What else stands beside its own belongs to what it was trained with. Default: all. */
  readonly isOwn?: (name: string) => boolean;
  /** Whether its tensors may be spread over several dicts. */
  readonly isSpread?: boolean;
}

/** The names of some families. */
export interface ModelNames {
  readonly components: ReadonlyMap<string, ComponentNames>;
  /** The model that a tensor of this name belongs to, if the name is one that tells. */
  readonly anchorOf: (name: string) => Anchor | undefined;
  /** Names in a model that are no part of it and are never read. */
  readonly dropped: readonly string[];
  /** Name of the list in a model for each of whose networks a trainer kept an average, in a list by itself. */
  readonly averagedList?: string;
}

/** No names tell anything: files hold plain state dicts. */
export const NO_NAMES: ModelNames = { components: new Map(), anchorOf: () => undefined, dropped: [] };

/** The names of several families together. Where a name tells of several, the first counts. */
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
