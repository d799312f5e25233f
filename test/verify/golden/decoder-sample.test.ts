import { testFixtures } from "../../support/golden.js";

// Every sampler and every option of one that the reference's decoder has.
await testFixtures([
  "decoder-ddpm",
  "decoder-ddim",
  "decoder-ddim-eta",
  "decoder-x-start",
  "decoder-v-ddpm",
  "decoder-cascade",
  "decoder-upsample-only",
  "decoder-inpaint-ddim",
  "decoder-inpaint-ddpm",
]);
