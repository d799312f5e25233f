import { testFixtures } from "../../support/golden.js";

// The reference's cubic and nearest resizing, in kernels and on the CPU, and Pillow's LANCZOS.
await testFixtures(["resize"]);
