import { testFixtures } from "../../support/golden.js";

await testFixtures([
  "kandinsky-movq",
  "kandinsky-preprocess",
  "kandinsky-scheduler",
  "kandinsky-unet",
  "kandinsky-unet-inpaint",
]);
