/** What was asked of a device since it was opened. */
export interface GpuCounters {
  /** Writes of host memory, those of `Params` included. */
  uploads: number;
  /** Bind groups made. */
  bindGroups: number;
  /** Submits to the queue. */
  submits: number;
  /** Kernels run. */
  dispatches: number;
}
