import { testFixtures } from "../../support/golden.js";

// Together they use every option of the reference's constructor.
await testFixtures([
  "unet-base",
  "unet-combine",
  "unet-cosine",
  "unet-cross-embed",
  "unet-laion",
  "unet-lowres-noise",
  "unet-no-embed-to-time",
  "unet-sparse",
  "unet-upsampler",
]);
