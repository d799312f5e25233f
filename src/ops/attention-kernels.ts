import { kernels } from "../gpu/kernel-sources.js";
import type { CommandStream } from "../gpu/stream.js";
import type { AttentionRule } from "../gpu/tuning.js";
import type { AttentionCall, AttentionKernel } from "./attention-call.js";
import { matrixAttention } from "./matrix-attention.js";

/** Returns the kernel for an attention by the tuning table of the device. */
export function attentionKernel(stream: CommandStream, call: AttentionCall): AttentionKernel {
  for (const rule of stream.tuning.attention ?? []) {
    if (call.keys < (rule.minKeys ?? 1) || call.rows < (rule.minRows ?? 1)) continue;
    const kernel = kernelOf(stream, rule, call);
    if (kernel) return kernel;
  }
  return direct(call);
}

/** Returns the kernel of a rule; undefined if the adapter or the kernel cannot compute the attention. */
function kernelOf(stream: CommandStream, rule: AttentionRule, call: AttentionCall): AttentionKernel | undefined {
  if (rule.kernel === "direct") return direct(call);
  const { features, adapter } = stream;
  if (!features.subgroups || adapter.lanes === undefined) return undefined;
  switch (rule.kernel) {
    case "broadcast":
      return broadcast(rule, call, adapter.lanes);
    case "team":
      return team(call, adapter.lanes);
    case "matrix":
      return matrixAttention(stream, rule, call);
  }
}

/** Queries per invocation, and the maximum number of vec4s of a head that it keeps. */
const { QUERIES, COLUMNS } = kernels.attention.fixed;
const [WORKGROUP] = kernels.attention.workgroup;

function direct({ dimHead4 }: AttentionCall): AttentionKernel {
  const slabs = Math.ceil(dimHead4 / COLUMNS);
  return {
    name: "attention",
    constants: {},
    slab4: Math.ceil(dimHead4 / slabs),
    grid: ({ samples, queries, heads }) => [Math.ceil(queries / (QUERIES * WORKGROUP)), heads, samples * slabs],
  };
}

/** Rows of each lane: those of a matrix. */
const OWN_QUERIES = 4;
/** Maximum number of vec4s of a head that a lane keeps. */
const MAX_COLUMNS = kernels.broadcastAttention.fixed.COLUMNS;

function broadcast(
  { ownKeys = 1 }: AttentionRule,
  { dimHead4 }: AttentionCall,
  lanes: number,
): AttentionKernel | undefined {
  if (lanes !== 4 && lanes !== 8 && lanes !== 16) return undefined;
  const slabs = Math.ceil(dimHead4 / MAX_COLUMNS);
  const slab4 = Math.ceil(dimHead4 / slabs);
  return {
    name: "broadcastAttention",
    constants: { LANES: lanes, OWN_ROWS: ownKeys },
    slab4,
    grid: ({ samples, queries, heads, kvHeads }) => [
      Math.ceil((queries * heads) / kvHeads / (OWN_QUERIES * lanes)),
      kvHeads,
      samples * slabs,
    ],
  };
}

/** Invocations of the largest team (kernels/team_attention.wgsl). */
const MAX_TEAM = 32;
const TEAM_INVOCATIONS = kernels.teamAttention.fixed.WORKGROUP;

/** Undefined if a head has more vec4s than a subgroup has invocations. */
function team({ dimHead4 }: AttentionCall, lanes: number): AttentionKernel | undefined {
  const size = 2 ** Math.ceil(Math.log2(dimHead4));
  if (size > Math.min(lanes, MAX_TEAM)) return undefined;
  return {
    name: "teamAttention",
    constants: { TEAM: size },
    slab4: dimHead4,
    grid: ({ samples, queries, heads }) => [Math.ceil((queries * size) / TEAM_INVOCATIONS), heads, samples],
  };
}
