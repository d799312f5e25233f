import type { Grid } from "../gpu/grid.js";
import { kernels } from "../gpu/kernel-sources.js";
import type { CommandStream } from "../gpu/stream.js";
import type { AttentionRule } from "../gpu/tuning.js";

/** An attention, as far as the choice of its kernel depends on it. */
export interface AttentionCall {
  /** With the null key. */
  readonly keys: number;
  /** vec4s of a head. */
  readonly dimHead4: number;
}

/** What a dispatch computes. */
interface AttentionSize {
  readonly samples: number;
  readonly queries: number;
  readonly heads: number;
  readonly kvHeads: number;
}

/** A kernel for attention. All have the same bindings and parameters. */
interface AttentionKernel {
  readonly name: "attention" | "broadcastAttention" | "teamAttention";
  readonly constants: Readonly<Record<string, number>>;
  /** vec4s of a head of the result that a workgroup computes. */
  readonly slab4: number;
  readonly grid: (size: AttentionSize) => Grid;
}

/** Returns the kernel for an attention by the tuning table of the device. */
export function attentionKernel({ tuning, features, adapter }: CommandStream, call: AttentionCall): AttentionKernel {
  for (const rule of tuning.attention ?? []) {
    if (call.keys < (rule.minKeys ?? 1)) continue;
    if (rule.kernel === "direct") return direct(call);
    if (!features.subgroups || adapter.lanes === undefined) continue;
    const kernel = rule.kernel === "team" ? team(call, adapter.lanes) : broadcast(rule, call, adapter.lanes);
    if (kernel) return kernel;
  }
  return direct(call);
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

/** `lanes`: invocations of every subgroup, if all have the same number. */
function broadcast(
  { ownKeys = 1 }: AttentionRule,
  { dimHead4 }: AttentionCall,
  lanes: number | undefined,
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
