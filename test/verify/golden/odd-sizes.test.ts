import { testFixtures } from "../../support/golden.js";

// Widths and heads that are not multiples of 4, and heads above 128, in every network. Fixtures with a number in their
// names are from weights-tools/python/make_odd_fixtures.py. Also a single sampling step, a decoder whose first U-Net
// was never trained, and image embeddings as wide as the tokens (0.19.6, 0.21.2, 0.26.1).
await testFixtures([
  "dialect-0.18.0-odd-prior-heads",
  "dialect-0.23.8-odd-71-prior-net",
  "dialect-1.8.3-odd-64-prior-net",
  "dialect-1.8.4-odd-106-prior-net",
  "dialect-0.15.2-odd-87-prior-sample",
  "dialect-1.6.5-odd-103-prior-sample",
  "dialect-1.8.1-prior-sample-one-step",
  "dialect-0.8.1-odd-49-unet",
  "dialect-0.18.0-odd-unet-condition",
  "dialect-0.18.0-odd-unet-linear-heads",
  "dialect-0.19.6-odd-77-unet",
  "dialect-1.8.4-odd-27-unet",
  "dialect-1.10.0-odd-1129-unet",
  "dialect-0.21.2-odd-45-decoder",
  "dialect-0.26.1-odd-1016-decoder",
  "dialect-1.5.0-decoder-untrained-first",
  "clip-openai-vit-odd",
  "clip-openai-resnet-odd",
  "clip-xclip-odd",
  "clip-coca-vit-odd",
  "clip-coca-simple-vit-odd",
]);
