import type { WinogradRule } from "../gpu/tuning.js";
import { convCase, type RuleClass } from "./cases.js";

/** Filters of 640 channels by F(4×4) have 56 MiB. Larger ones are of levels with few pixels, where products have few rows. */
const maxBytes = 64 * 2 ** 20;
/** Images of 4×4 pixels are one tile: a product of two rows, with guidance, loads as many weights as one of eight. */
const minTiles = 4;

/** Forms of 3×3 convolutions. Software: levels of the Shapes U-Nets; GPUs: of LAION's decoder. */
export const winograd: RuleClass<WinogradRule> = {
  rules: [undefined, { form: "f2" }, { form: "f4" }],
  ranges: [
    {
      name: "3×3 convolutions with 96 channels or more",
      when: { minChannels: 96, maxBytes, minTiles },
      cases: { software: [convCase(2, 16, 128, 128)], gpu: [convCase(2, 32, 320, 320)] },
    },
    {
      name: "3×3 convolutions with 48 to 95 channels",
      when: { minChannels: 48, maxBytes, minTiles },
      cases: { software: [convCase(2, 32, 64, 64)], gpu: [convCase(2, 64, 64, 64)] },
    },
    {
      name: "3×3 convolutions with fewer than 48 channels",
      when: { maxBytes, minTiles },
      cases: { software: [convCase(2, 32, 32, 32)], gpu: [convCase(2, 64, 32, 32)] },
    },
  ],
};
