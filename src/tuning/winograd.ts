import type { WinogradRule } from "../gpu/tuning.js";
import { convCase, type RuleClass } from "./cases.js";

/** Transformed filters of larger weights would take too much memory. */
const MAX_BYTES = 64 * 2 ** 20;

/** Winograd's products for 3×3 convolutions, in place of the kernels for all products. */
export const winograd: RuleClass<WinogradRule> = {
  rules: [undefined, { form: "f2", maxBytes: MAX_BYTES }, { form: "f4", maxBytes: MAX_BYTES }],
  ranges: [
    {
      name: "3×3 convolutions of 48 channels or more",
      when: { minChannels: 48 },
      cases: {
        software: [convCase(2, 16, 64, 64), convCase(2, 8, 128, 128)],
        gpu: [convCase(2, 32, 320, 320), convCase(2, 16, 640, 640)],
      },
    },
    {
      name: "3×3 convolutions of 16 to 47 channels",
      when: { minChannels: 16 },
      cases: { software: [convCase(2, 32, 32, 32)], gpu: [convCase(2, 32, 32, 32)] },
    },
  ],
};
