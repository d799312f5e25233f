import { testFixtures } from "../../support/golden.js";

// Every sampler of the reference's decoder, with every option.
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
