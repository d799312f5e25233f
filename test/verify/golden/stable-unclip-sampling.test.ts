import { testFixtures } from "../../support/golden.js";

// Both pipelines: with files in f16 of a variant, and with plain ones.
await testFixtures(["stable-unclip-image-variation", "stable-unclip-text-to-image"]);
