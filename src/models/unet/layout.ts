import type { NetworkDialect } from "../../weights/dialect-flags.js";
import { UnsupportedError } from "../../weights/unsupported-error.js";

/** Indices of a stage's modules in the lists (`downs.N`, `ups.N`) of the state dict. */
export interface Layout {
  readonly down: {
    readonly preDownsample: number;
    readonly initBlock: number;
    readonly blocks: number;
    readonly attention: number;
    readonly postDownsample: number;
  };
  readonly up: {
    readonly initBlock: number;
    readonly blocks: number;
    readonly attention: number;
    readonly upsample: number;
  };
}

/**
 * DALLE2-pytorch 0.15.3 and later: a skip after every residual block but the first of a stage and one after its
 * attention; the way up takes one before every block.
 */
const LAYOUT_E: Layout = {
  down: { preDownsample: 0, initBlock: 1, blocks: 2, attention: 3, postDownsample: 4 },
  up: { initBlock: 0, blocks: 1, attention: 2, upsample: 3 },
};

/** How the version wired its stages. Throws `UnsupportedError` for the layouts before 0.15.3. */
export function layoutOf({ layout }: NetworkDialect): Layout {
  if (layout === "E") return LAYOUT_E;
  throw new UnsupportedError(
    `U-Nets of layout ${layout} (DALLE2-pytorch before 0.15.3) are not supported yet; those of layout E are.`,
  );
}
