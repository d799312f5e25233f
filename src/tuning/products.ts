import type { ProductRule } from "../gpu/tuning.js";
import { convCase, linearCase, type RuleClass } from "./cases.js";

/** Kernels of `linear` and `conv2d`. Software: the sizes of the Shapes model; GPUs: those of LAION's decoder and prior. */
export const products: RuleClass<ProductRule> = {
  rules: [
    { kernel: "direct" },
    { kernel: "broadcast", ownRows: 1 },
    { kernel: "broadcast", ownRows: 2 },
    { kernel: "broadcast", ownRows: 4 },
    { kernel: "uniform" },
  ],
  gpuRules: [
    { kernel: "tiled", tile: [64, 64], fill: 480 },
    { kernel: "tiled", tile: [32, 128], fill: 480 },
    { kernel: "matrix", tile: [128, 64], fill: 480 },
    { kernel: "matrix", tile: [64, 64], fill: 480 },
    { kernel: "matrix", tile: [32, 64], fill: 480 },
    { kernel: "matrix", tile: [16, 64], fill: 480 },
  ],
  ranges: [
    {
      name: "products with 64 rows or more and 16 columns or fewer",
      when: { minRows: 64, maxColumns: 16 },
      cases: {
        software: [convCase(1, 32, 16, 16), convCase(1, 16, 4, 8, 7)],
        gpu: [convCase(2, 64, 320, 4), convCase(2, 64, 320, 16)],
      },
    },
    {
      name: "products with 64 rows or more and 17 to 32 columns",
      when: { minRows: 64, maxColumns: 32 },
      cases: {
        software: [convCase(2, 16, 32, 32), linearCase(512, 128, 32)],
        gpu: [convCase(2, 64, 320, 32)],
      },
    },
    {
      name: "products with 256 rows or more",
      when: { minRows: 256 },
      cases: {
        software: [convCase(2, 16, 64, 64), linearCase(512, 128, 128)],
        gpu: [convCase(2, 32, 640, 640), linearCase(2048, 640, 640)],
      },
    },
    {
      name: "products with 48 to 255 rows",
      when: { minRows: 48 },
      cases: {
        software: [convCase(2, 8, 128, 128), linearCase(96, 256, 256)],
        gpu: [convCase(2, 8, 1280, 1280), linearCase(154, 1024, 2048)],
      },
    },
    {
      name: "products with 17 to 47 rows",
      when: { minRows: 17 },
      cases: {
        software: [convCase(2, 4, 128, 128), linearCase(32, 128, 384)],
        gpu: [convCase(2, 4, 1280, 1280)],
      },
    },
    {
      name: "products with fewer than 17 rows",
      when: {},
      cases: {
        software: [linearCase(2, 512, 512)],
        gpu: [linearCase(2, 1280, 1280)],
      },
    },
  ],
};
