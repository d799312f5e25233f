import type { GroupNormRule } from "../gpu/tuning.js";
import { groupNormCase, type RuleClass } from "./cases.js";

/** Kernels of group norms in residual blocks. */
export const groupNorm: RuleClass<GroupNormRule> = {
  rules: [
    { kernel: "chunked" },
    { kernel: "whole", invocations: 4 },
    { kernel: "whole", invocations: 8 },
    { kernel: "whole", invocations: 16 },
    { kernel: "whole", invocations: 256 },
  ],
  ranges: [
    {
      name: "group norms of 256 positions or fewer",
      when: { maxPositions: 256 },
      cases: { software: [groupNormCase(2, 8, 64, 8)], gpu: [groupNormCase(2, 16, 1280, 8)] },
    },
    {
      name: "group norms of more than 256 positions",
      when: {},
      cases: { software: [groupNormCase(2, 32, 32, 8)], gpu: [groupNormCase(2, 64, 320, 8)] },
    },
  ],
};
