import { testFixtures } from "../../support/golden.js";

await testFixtures([
  "stable-unclip-noise",
  "stable-unclip-scheduler",
  "stable-unclip-text-encoder",
  "stable-unclip-unet",
  "stable-unclip-vae",
]);
