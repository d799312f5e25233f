import { libs } from "./kernel-sources.js";

/** Numbers of workgroups in x, y and z. */
export type Grid = readonly [x: number, y: number, z: number];

/** WebGPU's limit for each dimension (`maxComputeWorkgroupsPerDimension`). */
export const { MAX_GROUPS } = libs.grid;

/** Folds a number of workgroups into a grid within the limit of each dimension (kernels/lib/grid.wgsl unfolds it). */
export function foldedGrid(workgroups: number): Grid {
  if (workgroups <= MAX_GROUPS) return [workgroups, 1, 1];
  const y = Math.ceil(workgroups / MAX_GROUPS);
  return [Math.ceil(workgroups / y), y, 1];
}
