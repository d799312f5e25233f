import { foldedGrid, type Grid } from "../gpu/grid.js";
import { libs } from "../gpu/kernel-sources.js";

/** Returns the grid of an elementwise kernel (kernels/lib/elementwise.wgsl) with `count` invocations. */
export function invocations(count: number): Grid {
  return foldedGrid(Math.ceil(count / libs.invocation.WORKGROUP));
}
