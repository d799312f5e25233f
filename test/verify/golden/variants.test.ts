import { describe, expect, it } from "vitest";
import { portableTable } from "../../../src/gpu/tuning.js";
import { Arena } from "../../../src/tensor/arena.js";
import { forcedTables } from "../../../src/tuning/contests.js";
import { verifyFixture } from "../../../src/verify/verify.js";
import { fixtureFolder } from "../../support/golden.js";
import { sharedGpu, testableTypes } from "../../support/gpu.js";

// Small fixtures that together use every operation whose kernel a table chooses: 3×3, strided and 1×1 convolutions, linear
// layers of few and of many rows, attention with all of its options. `dalle2 verify FOLDER --tuning each` runs the others.
const FIXTURES = ["dialect-0.16.2-unet", "dialect-0.18.0-odd-unet-condition", "prior-net", "clip-openai-vit"];

const types = await testableTypes();

describe.each(forcedTables(portableTable))("with $name", ({ table }) => {
  describe.each(types)("in %s", (dtype) => {
    it.each(FIXTURES)("%s", async (name) => {
      const gpu = await sharedGpu();
      const arena = new Arena(gpu.stream({ tuning: table }), dtype, { guards: true });
      const result = await verifyFixture(fixtureFolder(name), () => Promise.resolve({ gpu, arena }));
      expect(result).toMatchObject({ name, pass: true });
      await arena.checkGuards();
      arena.stream.close();
    });
  });
});
