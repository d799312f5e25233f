import { testFixtures } from "../../support/golden.js";

await testFixtures(["kandinsky-scheduler", "kandinsky-unet", "kandinsky-unet-inpaint"]);
