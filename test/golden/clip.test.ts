import { testFixtures } from "../support/golden.js";

await testFixtures(["clip-openai-vit", "clip-openai-resnet", "clip-xclip", "clip-coca"]);
