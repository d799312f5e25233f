import { testFixtures } from "../../support/golden.js";

await testFixtures([
  "clip-openai-vit",
  "clip-openai-resnet",
  "clip-open-clip",
  "clip-open-clip-control",
  "clip-open-clip-no-causal-mask",
  "clip-xclip",
  "clip-xclip-0.7",
  "clip-xclip-0.10",
  "clip-xclip-rotary",
  "clip-coca",
  "clip-coca-vit",
  "clip-coca-vit-1.0",
  "clip-coca-vit-2021",
  "clip-coca-simple-vit",
  "clip-coca-simple-vit-0.35",
]);
