import type { Gpu, Grid } from "../gpu/gpu.js";

/** `WORKGROUP` of the elementwise kernels. */
const WORKGROUP = 64;

/** Grid of an elementwise kernel with this many invocations. */
export function invocations(gpu: Gpu, count: number): Grid {
  return gpu.grid(Math.ceil(count / WORKGROUP));
}
