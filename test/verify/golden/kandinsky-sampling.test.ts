import { testFixtures } from "../../support/golden.js";

// Together they have every pipeline of the decoder, every form of its U-Net, and schedulers with learned variances.
await testFixtures([
  "kandinsky-controlnet",
  "kandinsky-decoder-sample",
  "kandinsky-img2img",
  "kandinsky-inpaint",
  "kandinsky-text-to-image",
]);
