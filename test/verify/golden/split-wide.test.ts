import { testFixtures } from "../../support/golden.js";
import { sharedGpu } from "../../support/gpu.js";

/**
 * As in split.test.ts, for networks whose residual blocks get more of the time than 40 KiB in a step. That is one row of a table,
 * which is not split: 80 KiB in unet-laion, where every adapter can bind 128 MiB. In kandinsky-movq it is rows of Winograd's tiles.
 */
await sharedGpu({ maxBindingSize: 80 * 1024 });

await testFixtures([
  "unet-laion",
  "unet-sparse",
  "decoder-cascade",
  "decoder-inpaint-ddim",
  "decoder-upsample-only",
  "kandinsky-movq",
]);
