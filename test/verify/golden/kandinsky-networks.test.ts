import { testFixtures } from "../../support/golden.js";

await testFixtures(["kandinsky-movq", "kandinsky-scheduler", "kandinsky-unet", "kandinsky-unet-inpaint"]);
