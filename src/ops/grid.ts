import { foldedGrid, type Grid } from "../gpu/grid.js";

/** `WORKGROUP` of the elementwise kernels. */
const WORKGROUP = 64;

/** Grid of an elementwise kernel with this many invocations. */
export function invocations(count: number): Grid {
  return foldedGrid(Math.ceil(count / WORKGROUP));
}
