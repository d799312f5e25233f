import type { AttentionRule } from "../gpu/tuning.js";
import { attentionCase, type RuleClass } from "./cases.js";

/** Kernels of attention: within feature maps, to condition tokens, and in priors. */
export const attention: RuleClass<AttentionRule> = {
  rules: [
    { kernel: "direct" },
    { kernel: "broadcast", ownKeys: 1 },
    { kernel: "broadcast", ownKeys: 2 },
    { kernel: "broadcast", ownKeys: 4 },
  ],
  gpuRules: [
    { kernel: "team" },
    { kernel: "matrix", tile: [64, 32] },
    { kernel: "matrix", tile: [64, 64] },
    { kernel: "matrix", tile: [32, 32] },
    { kernel: "matrix", tile: [32, 16] },
  ],
  ranges: [
    {
      name: "attention of 64 rows (queries of the heads that share keys) or more to 64 keys or more",
      when: { minRows: 64, minKeys: 64 },
      cases: { software: [attentionCase(256, 256, 4, 32)], gpu: [attentionCase(1024, 1024, 8, 64)] },
    },
    {
      name: "attention of fewer than 64 rows to 64 keys or more",
      when: { minKeys: 64 },
      cases: { software: [attentionCase(8, 256, 4, 32)], gpu: [attentionCase(8, 1024, 8, 64)] },
    },
    {
      name: "attention to fewer than 64 keys",
      when: {},
      cases: { software: [attentionCase(64, 16, 4, 32)], gpu: [attentionCase(1024, 48, 8, 64)] },
    },
  ],
};
