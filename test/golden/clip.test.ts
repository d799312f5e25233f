import { testFixtures } from "../support/golden.js";

await testFixtures(["clip-openai-vit"]);
