import { testFixtures } from "../../support/golden.js";

await testFixtures(["kandinsky-decoder-sample"]);
