import { testFixtures } from "../../support/golden.js";

// DDPM; DDIM; clamped norms; predicted noise and v, with continuous time and self-conditioning; no text encodings.
await testFixtures([
  "prior-sample-ddpm",
  "prior-sample-ddim",
  "prior-sample-clamped",
  "prior-sample-eps",
  "prior-sample-v",
  "prior-sample-no-text-encodings",
]);
