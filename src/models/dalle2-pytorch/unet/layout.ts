import type { NetworkDialect } from "../dialect/flags.js";

/** A module of a stage on the way down. All except the blocks may be absent: see `DownStage`. */
export type DownModule = "preDownsample" | "initBlock" | "blocks" | "attention" | "postDownsample";
/** A module of a stage on the way up. */
export type UpModule = "initBlock" | "blocks" | "attention" | "upsample";

/** How a version of DALLE2-pytorch built its U-Net. */
export interface Layout {
  /**
   * The modules of a stage in the order in which they run. Positions are indices in `downs.N` and `ups.N` of the state dict.
   */
  readonly down: readonly DownModule[];
  readonly up: readonly UpModule[];
  /** Whether the blocks of a stage are a list (`downs.N.2.0`) or a single block (`downs.N.2`). */
  readonly blocks: "list" | "single";
  /** Where the number of channels changes: in a stage's first block, or in resampling. */
  readonly widensIn: "initBlock" | "resampling";
  /** Which feature maps are kept for the way up: one per stage, or one after each block and after the attention. */
  readonly skips: "perStage" | "perBlock";
  /** True if the way up has a stage for the largest resolution even if stages downsample after their blocks. */
  readonly upAtFullSize: boolean;
  /** First stage, counted from the largest, whose blocks on the way up attend to the conditioning tokens. */
  readonly upCrossAttendFrom: 1 | 2;
  /** True if a U-Net that downsamples first has a block before that. */
  readonly blockBeforeStages: boolean;
  /** True if `self_attn` gives stages full attention, and the middle always has it. Before, `attend_at_middle` decided. */
  readonly selfAttention: boolean;
  /** Channels of the first convolution without `init_dim`. */
  readonly initDim: (dim: number) => number;
}

const UP_ATTENTION_FIRST = ["initBlock", "attention", "blocks", "upsample"] as const satisfies readonly UpModule[];

// Each layout is the previous one with the changes of a version.

const A: Layout = {
  down: ["initBlock", "attention", "blocks", "postDownsample"],
  up: UP_ATTENTION_FIRST,
  blocks: "list",
  widensIn: "initBlock",
  skips: "perStage",
  upAtFullSize: false,
  upCrossAttendFrom: 2,
  blockBeforeStages: false,
  selfAttention: false,
  initDim: (dim) => 2 * Math.floor(dim / 3),
};

const B: Layout = {
  ...A,
  down: ["preDownsample", "initBlock", "attention", "blocks"],
  initDim: (dim) => dim,
};

const C: Layout = {
  ...B,
  down: ["preDownsample", "initBlock", "attention", "blocks", "postDownsample"],
};

const C_ALL_UPS: Layout = { ...C, upAtFullSize: true, upCrossAttendFrom: 1 };

const D: Layout = { ...C_ALL_UPS, widensIn: "resampling", skips: "perBlock", blockBeforeStages: true };

const E: Layout = {
  ...D,
  down: ["preDownsample", "initBlock", "blocks", "attention", "postDownsample"],
  up: ["initBlock", "blocks", "attention", "upsample"],
  selfAttention: true,
};

export const LAYOUTS: Readonly<Record<NetworkDialect["layout"], Layout>> = {
  ASingle: { ...A, blocks: "single" },
  A,
  B,
  C,
  CAllUps: C_ALL_UPS,
  D,
  E,
};
