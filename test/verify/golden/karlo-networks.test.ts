import { testFixtures } from "../../support/golden.js";

// Together they use every option of the prior, and both forms of a super-resolution U-Net.
await testFixtures([
  "karlo-decoder-unet",
  "karlo-prior-net",
  "karlo-prior-net-bare",
  "karlo-prior-net-options",
  "karlo-scheduler",
  "karlo-sr-unet",
  "karlo-sr-unet-attention",
  "karlo-text-proj",
]);
