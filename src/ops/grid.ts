import { foldedGrid, type Grid } from "../gpu/grid.js";
import { libs } from "../gpu/kernel-sources.js";

/** Grid of an elementwise kernel (kernels/lib/elementwise.wgsl) with this many invocations. */
export function invocations(count: number): Grid {
  return foldedGrid(Math.ceil(count / libs.invocation.WORKGROUP));
}
